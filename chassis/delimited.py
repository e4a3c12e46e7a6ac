"""Delimited text as everybody here reads it: unpacked, with the delimiter that its first line shows."""

import csv
import zlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

DELIMITERS: Final = (",", ";", "\t", "|")
GZIP_MAGIC: Final = b"\x1f\x8b"
BOM: Final = b"\xef\xbb\xbf"


class HeaderUnreadable(ValueError):
    """There is no header line in it; `str()` of it follows the object's name."""


@dataclass(frozen=True)
class Header:
    """The first line."""

    delimiter: str
    names: tuple[str, ...]


def unpacked(head: bytes, limit: int) -> bytes:
    """The beginning of a text whose own, or gzipped, beginning is `head`; of gzipped at most `limit` bytes.

    Raises:
        HeaderUnreadable: it is no readable gzip.
    """
    if not head.startswith(GZIP_MAGIC):
        return head
    try:
        return zlib.decompressobj(wbits=31).decompress(head, limit)
    except zlib.error as error:
        raise HeaderUnreadable(f"no readable gzip file: {error}") from error


def read_header(text: bytes, known: Collection[str] = ()) -> Header:
    """The first line of `text`, which holds all of it.

    `known` are names of columns: the right delimiter finds the most of them, and of columns at all.

    Raises:
        HeaderUnreadable: it isn't UTF-8, or no line of names.
    """
    line = text.removeprefix(BOM).partition(b"\n")[0].rstrip(b"\r")
    try:
        decoded = line.decode()
        candidates = [Header(each, tuple(next(csv.reader([decoded], delimiter=each), []))) for each in DELIMITERS]
    except UnicodeDecodeError as error:
        raise HeaderUnreadable("the header line is not UTF-8") from error
    except csv.Error as error:
        raise HeaderUnreadable(f"unreadable header line: {error}") from error
    return max(candidates, key=lambda each: (len(set(known) & set(each.names)), len(each.names)))
