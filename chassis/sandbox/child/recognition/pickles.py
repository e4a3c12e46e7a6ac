"""Pickles, which joblib files are, too; known by their first bytes and never loaded."""

from typing import Final

from .packed import unpacked

PICKLES: Final = tuple(bytes((0x80, protocol)) for protocol in (2, 3, 4, 5))


def holds_pickle(head: bytes) -> bool:
    """Whether a file that begins with `head` is a pickle of protocol 2 to 5, compressed or not."""
    return unpacked(head).startswith(PICKLES)
