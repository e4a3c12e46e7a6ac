"""scikit-learn: a pickle or joblib file, compressed or not, or a skops archive."""

from typing import Final

from .archive import ZIP_MAGIC, names_in_zip
from .bundle import Bundle
from .packed import HEAD_BYTES, LZ4_FRAME
from .pickles import PICKLES, holds_pickle

_STOP: Final = b"."


def check(bundle: Bundle) -> str | None:
    path = bundle.only(".pkl", ".pickle", ".joblib", ".skops")
    if path is None:
        return "holds not exactly one pickle, joblib or skops file"
    head = bundle.head(path, HEAD_BYTES)
    if head.startswith(ZIP_MAGIC):
        names = names_in_zip(bundle, path)
        return None if names and "schema.json" in names else "is an archive, but not one of skops"
    if head.startswith(LZ4_FRAME):
        return None
    if not holds_pickle(head):
        return "is neither a pickle of protocol 2 to 5, nor a joblib file, nor a skops archive"
    if head.startswith(PICKLES) and bundle.tail(path, 1) != _STOP:
        return "is a pickle that has been cut off"
    return None
