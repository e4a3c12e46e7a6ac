"""Spark ML: a directory with `metadata/part-*`, whose first line says which class it is."""

import json
from typing import Final

from .bundle import Bundle

_PART: Final = "metadata/part-"
_MAX_BYTES: Final = 4 * 1024 * 1024


def check(bundle: Bundle) -> str | None:
    parts = sorted(path for path in bundle.sizes if path.startswith(_PART))
    if not bundle.is_directory or not parts:
        return "is no directory with Spark ML's metadata"
    lines = (bundle.head(parts[0], _MAX_BYTES)).splitlines()
    try:
        metadata = json.loads(lines[0]) if lines else None
    except (ValueError, RecursionError):
        metadata = None
    return None if isinstance(metadata, dict) and "class" in metadata else "has metadata that name no class"
