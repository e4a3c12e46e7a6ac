"""Delimited text as everybody here reads it: unpacked, in UTF-8, with the delimiter that its header line shows.

Text in UTF-16 or UTF-32 says so by its first bytes; what else isn't UTF-8 has to be said by its object's content type.
"""

import codecs
import csv
import io
import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from email.message import Message
from typing import IO, Any, Final

import pyarrow as pa

from .csv_bounds import MAX_HEADER_BYTES
from .csv_cutting import BOM, line_end
from .csv_quotes import Quotes

DELIMITERS: Final = (",", ";", "\t", "|")
_PACKED: Final = {b"\x1f\x8b": "gzip", b"BZh": "bz2", b"\x28\xb5\x2f\xfd": "zstd", b"\x04\x22\x4d\x18": "lz4"}
_MARKS: Final = {
    BOM: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
"""That of UTF-16 begins one of UTF-32."""
_WIDE: Final = {
    **{name: name for name in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")},
    "utf-16": "utf-16-le",
    "utf-32": "utf-32-le",
}
"""Without a mark and without a word about it, the order of bytes is that of nearly all machines."""
_NO_CHARSETS: Final = ("idna", "unicode-escape", "raw-unicode-escape")
_ASCII: Final = bytes(range(0x20, 0x7F)) + b"\t\r\n"
_SAID: Final = re.compile(rb'"?sep=([\x09\x20-\x21\x23-\x7e])"?')
_PIECE_BYTES: Final = 64 * 1024


class HeaderUnreadable(ValueError):
    """There is no header line in it; `str()` of it follows the object's name."""


@dataclass(frozen=True)
class CsvDialect:
    """How an object is to be read. `names` are its columns, in its order; `charset` is what its text doesn't say."""

    delimiter: str
    names: tuple[str, ...]
    charset: str = "utf-8"

    def to_bytes(self) -> bytes:
        return json.dumps(vars(self)).encode()

    @classmethod
    def from_bytes(cls, raw: memoryview) -> "CsvDialect":
        """Raises: ValueError, KeyError."""
        said = json.loads(bytes(raw))
        return cls(said["delimiter"], tuple(said["names"]), said["charset"])


@dataclass(frozen=True)
class Header:
    """The header line."""

    delimiter: str
    names: tuple[str, ...]


def codec_of(head: bytes) -> str | None:
    """How a text is packed, by its first bytes."""
    return next((codec for magic, codec in _PACKED.items() if head.startswith(magic)), None)


def charset_of(content_type: str | None) -> str:
    """The charset that a content type such as `text/csv; charset=windows-1252` names, as Python calls it; else UTF-8.

    Raises:
        HeaderUnreadable: it isn't known, or neither a wide one nor laid out like ASCII.
    """
    said = Message()
    said["content-type"] = content_type or ""
    name = said.get_content_charset() or "utf-8"
    try:
        found = codecs.lookup(name).name
        if found in _WIDE:
            return _WIDE[found]
        if found not in _NO_CHARSETS and _ASCII.decode(found).encode() == _ASCII:
            return "utf-8" if found == "ascii" else found
    except (LookupError, UnicodeError):
        pass
    raise HeaderUnreadable(f"its content type names the charset {name}, which is not known here")


def encoding_of(head: bytes, charset: str = "utf-8") -> str:
    """How a text is encoded: its first bytes, where they are a mark, count for more than what was said about it."""
    return next((encoding for mark, encoding in _MARKS.items() if head.startswith(mark)), charset)


def unpacking(packed: IO[bytes], codec: str) -> Any:
    """A stream of what `packed` holds, one member after another. Its `read` raises OSError where that is broken."""
    return pa.CompressedInputStream(pa.PythonFile(packed, mode="r"), codec)


def beginning(head: bytes, limit: int, charset: str = "utf-8") -> bytes:
    """The beginning of a text in UTF-8, whose own, or packed, beginning is `head`; of packed at most `limit` bytes.

    `charset` is that of the text where it isn't UTF-8 and doesn't say so itself.

    Raises:
        HeaderUnreadable: it is packed and can't be unpacked.
    """
    text = _unpacked(head, limit)
    encoding = encoding_of(text, charset)
    if encoding == "utf-8":
        return text
    # Its last character may be cut off.
    return codecs.getincrementaldecoder(encoding)(errors="replace").decode(text).encode()


def _unpacked(head: bytes, limit: int) -> bytes:
    codec = codec_of(head)
    if codec is None:
        return head
    stream, text = pa.CompressedInputStream(pa.BufferReader(head), codec), bytearray()
    try:
        while len(text) < limit and (piece := stream.read(min(_PIECE_BYTES, limit - len(text)))):
            text += piece
    except OSError as error:
        # Only its beginning is there: what comes before the cut is good.
        if not text and "Truncated" not in str(error):
            raise HeaderUnreadable(f"no readable {codec} file: {error}") from error
    return bytes(text)


def said_delimiter(line: bytes) -> str | None:
    """The delimiter that Excel's first line `sep=;` says; None of any other line."""
    found = _SAID.fullmatch(line.rstrip(b"\r\n"))
    return found[1].decode() if found else None


def can_be_cut(head: bytes, charset: str = "utf-8") -> bool:
    """Whether an object that begins with `head` is text whose bytes can be read from any record on."""
    return codec_of(head) is None and encoding_of(head, charset) == "utf-8"


def header_of(head: bytes, charset: str = "utf-8", known: Collection[str] = ()) -> Header:
    """The header line of an object (see `read_header`).

    Args:
        head: its first `MAX_HEADER_BYTES`, or more; or all of it.
        charset: as for `beginning`.
        known: as for `read_header`.

    Raises:
        HeaderUnreadable: there is none, or it is too long.
    """
    first = head[:MAX_HEADER_BYTES]
    text = beginning(first, MAX_HEADER_BYTES, charset)
    return read_header(text, known, whole=max(len(first), len(text)) < MAX_HEADER_BYTES)


def read_header(text: bytes, known: Collection[str] = (), *, whole: bool = True) -> Header:
    """The header line of `text`: the first that isn't empty and says no delimiter.

    `known` are names of columns: the right delimiter finds the most of them, and of columns at all. What isn't `whole`
    is the text's beginning, in which the line has to end.

    Raises:
        HeaderUnreadable: it isn't UTF-8, no line of names, or one that goes on.
    """
    text = text.removeprefix(BOM).lstrip(b"\r\n")
    first = line_end(text) or len(text)
    said = said_delimiter(text[:first])
    if said:
        text = text[first:].lstrip(b"\r\n")
    candidates, reasons = list[Header](), list[HeaderUnreadable]()
    for delimiter in (said,) if said else DELIMITERS:
        try:
            candidates.append(Header(delimiter, _names(text, delimiter, whole=whole)))
        except HeaderUnreadable as error:
            reasons.append(error)
    if not candidates:
        raise reasons[0]
    return max(candidates, key=lambda each: (len(set(known) & set(each.names)), len(each.names)))


def _names(text: bytes, delimiter: str, *, whole: bool) -> tuple[str, ...]:
    quotes = Quotes(delimiter)
    end = quotes.follow(text, 0).first() if text else 0
    if not end and not whole:
        raise HeaderUnreadable(f"the header line is longer than {MAX_HEADER_BYTES >> 10} KB, or is never closed")
    line = (text[:end] if end else text).rstrip(b"\r\n")
    if not end and quotes.opened is not None:
        raise HeaderUnreadable("the header line has a quote that is never closed")
    if b"\x00" in line:
        raise HeaderUnreadable("the header line holds bytes that no text has (of UTF-16 without its mark, perhaps)")
    try:
        return tuple(next(csv.reader(io.StringIO(line.decode(), newline=""), delimiter=delimiter), ()))
    except UnicodeDecodeError as error:
        raise HeaderUnreadable("the header line is not UTF-8") from error
    except csv.Error as error:
        raise HeaderUnreadable(f"unreadable header line: {error}") from error
