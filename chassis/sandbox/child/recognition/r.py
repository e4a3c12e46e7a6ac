"""R: an object saved with `saveRDS` or `save`, compressed or not, or a script."""

from typing import Final

from .bundle import Bundle
from .packed import HEAD_BYTES, unpacked
from .text import is_text

_OBJECTS: Final = (b"X\n", b"A\n", b"B\n", b"RDX2\n", b"RDX3\n", b"RDA2\n", b"RDA3\n")
_OBJECT_SUFFIXES: Final = (".rds", ".rda", ".rdata")


def check(bundle: Bundle) -> str | None:
    scripts = [path for path in bundle.sizes if path.lower().endswith(".r")]
    for path in scripts:
        if not is_text(bundle, path):
            return f"has a script that is no text: {path}"
    path = bundle.only(*_OBJECT_SUFFIXES)
    if path is None or path in scripts:
        return None if scripts else "holds neither an R script nor exactly one saved R object"
    head = unpacked(bundle.head(path, HEAD_BYTES))
    return None if head.startswith(_OBJECTS) else "is no saved R object"
