"""MLflow: a directory with an `MLmodel` file that names its flavors, or a zip archive of one."""

import re
from typing import Final

from .archive import names_in_zip
from .bundle import Bundle

_DESCRIPTION: Final = "MLmodel"
_MAX_BYTES: Final = 4 * 1024 * 1024
_FLAVORS: Final = re.compile(rb"^flavors:", re.MULTILINE)


def check(bundle: Bundle) -> str | None:
    if not bundle.is_directory:
        names = names_in_zip(bundle, next(iter(bundle.sizes))) or frozenset[str]()
        held = any(name.rpartition("/")[2] == _DESCRIPTION for name in names)
        return None if held else "is neither a directory with an MLmodel file nor a zip archive of one"
    if _DESCRIPTION not in bundle.sizes:
        return "has no MLmodel file"
    text = bundle.head(_DESCRIPTION, _MAX_BYTES)
    return None if _FLAVORS.search(text) else "has an MLmodel file that names no flavors"
