"""Whether a file is source code, as far as that can be told without reading it all."""

from typing import Final

from .bundle import Bundle

_MAX_BYTES: Final = 1024 * 1024


def is_text(bundle: Bundle, path: str) -> bool:
    """Whether the file is UTF-8 without control characters such as NUL, and not empty; at most 1 MB."""
    if not 0 < bundle.sizes[path] <= _MAX_BYTES:
        return False
    data = bundle.head(path, _MAX_BYTES)
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return b"\x00" not in data
