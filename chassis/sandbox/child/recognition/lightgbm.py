"""LightGBM: its text file."""

from typing import Final

from .bundle import Bundle

_HEAD_BYTES: Final = 64 * 1024


def check(bundle: Bundle) -> str | None:
    path = bundle.only(".txt", ".lgb", ".model")
    if path is None:
        return "holds not exactly one .txt, .lgb or .model file"
    lines = (bundle.head(path, _HEAD_BYTES)).splitlines()
    if lines[:1] == [b"tree"] and any(line.startswith(b"version=") for line in lines):
        return None
    return "is no LightGBM model in text"
