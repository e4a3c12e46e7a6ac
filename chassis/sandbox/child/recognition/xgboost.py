"""XGBoost: its JSON or UBJSON document."""

from typing import Final

from .bundle import Bundle

_HEAD_BYTES: Final = 64 * 1024
_TAIL_BYTES: Final = 64


def check(bundle: Bundle) -> str | None:
    path = bundle.only(".json", ".ubj")
    if path is None:
        return "holds not exactly one .json or .ubj file"
    head = (bundle.head(path, _HEAD_BYTES)).lstrip()
    tail = (bundle.tail(path, _TAIL_BYTES)).rstrip()
    if not head.startswith(b"{") or b"learner" not in head:
        return "is no XGBoost model in JSON or UBJSON"
    return None if tail.endswith(b"}") else "is an XGBoost model that has been cut off"
