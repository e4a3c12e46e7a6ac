"""MLflow: a directory with an `MLmodel` file that names its flavors."""

import re
from typing import Final

from services.registry.formats.bundle import Bundle

_DESCRIPTION: Final = "MLmodel"
_MAX_BYTES: Final = 4 * 1024 * 1024
_FLAVORS: Final = re.compile(rb"^flavors:", re.MULTILINE)


async def check(bundle: Bundle) -> str | None:
    if not bundle.is_directory or _DESCRIPTION not in bundle.sizes:
        return "is no directory with an MLmodel file"
    text = await bundle.head(_DESCRIPTION, _MAX_BYTES)
    return None if _FLAVORS.search(text) else "has an MLmodel file that names no flavors"
