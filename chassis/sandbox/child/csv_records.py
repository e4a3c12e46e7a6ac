"""A CSV stream as tables of text, in blocks that end with a record. What is no record is set aside."""

import codecs
import io
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from .compute import pc
from .csv_dialect import BOM, CsvDialect, codec_of, encoding_of, unpacking

_QUOTE, _NEWLINE = b'"', b"\n"
_MAX_TEXT = 4_096
_SURROGATES = re.compile("[\udc80-\udcff]")
_NO_TEXT = "\U0010fffe"  # a noncharacter: in no text that is meant for others
_MAX_RECORD_BYTES = 16 << 20
_PIECE_BYTES = 4 << 20
_HEAD_BYTES = 4
_MARKING = "no-utf-8"


class CsvUnreadable(ValueError):
    """The object can't be read on; `str()` of it follows the object's name."""


@dataclass
class RejectedLines:
    """Lines that are no rows: their record numbers (from 1, the header not counted), what is wrong, their text."""

    numbers: list[int] = field(default_factory=list[int])
    reasons: list[str] = field(default_factory=list[str])
    texts: list[str] = field(default_factory=list[str])

    def add(self, number: int, reason: str, text: str) -> None:
        self.numbers.append(number)
        self.reasons.append(reason)
        self.texts.append(text[:_MAX_TEXT])


@dataclass(frozen=True)
class CsvBlock:
    """Rows of text, and the lines between them that were none. `first`: number of the block's first record."""

    table: pa.Table
    rejected: RejectedLines
    first: int

    def row_number(self, row: int) -> int:
        """The record number of a row of the table: rejected lines before it count, too."""
        number = self.first + row
        for rejected in sorted(self.rejected.numbers):
            number += rejected <= number
        return number


class CsvReader:
    """Cuts a stream of bytes into records and parses them."""

    def __init__(self, dialect: CsvDialect, blocks: Iterator[memoryview]) -> None:
        self._dialect = dialect
        self._blocks = blocks
        self._record = 1

    def blocks(self) -> Iterator[CsvBlock]:
        """Raises `CsvUnreadable` on a broken archive, and what reading raises."""
        carry, header = b"", True
        for piece in _text(self._dialect, self._blocks):
            data = carry + piece
            if header:
                _, newline, rest = data.removeprefix(BOM).partition(_NEWLINE)
                carry, header = (data, True) if not newline else (b"", False)
                if header:
                    continue
                data = rest
            end = _last_record_end(data)
            if not end and len(data) > _MAX_RECORD_BYTES:
                # A quote that nothing closes: give up its line, go on behind it.
                end = data.find(_NEWLINE) + 1
            carry = data[end:]
            if end:
                yield self._parsed(data[:end])
        if carry and not header:
            yield from self._rest(carry)

    def _rest(self, data: bytes) -> Iterator[CsvBlock]:
        """The end of the object, where a record may lack its newline and a quote its twin."""
        while data:
            whole = data.count(_QUOTE) % 2 == 0
            end = len(data) if whole else _last_record_end(data) or data.find(_NEWLINE) + 1 or len(data)
            yield self._parsed(data[:end])
            data = data[end:]

    def _parsed(self, data: bytes) -> CsvBlock:
        rejected, first, names = RejectedLines(), self._record, list(self._dialect.names)
        if not data.removeprefix(BOM).strip(b"\r\n"):
            return CsvBlock(_no_rows(names), rejected, first)
        if data.count(_QUOTE) % 2:
            rejected.add(first, "a quote is never closed", data.decode(errors="replace").rstrip())
        else:
            marked = _marked(data)
            table = _parse(marked, self._dialect, rejected, first)
            self._record = first + table.num_rows + len(rejected.numbers)
            if marked is not data:
                table = _without_marked(CsvBlock(table, rejected, first), self._dialect.charset)
            return CsvBlock(table, rejected, first)
        self._record = first + len(rejected.numbers)
        return CsvBlock(_no_rows(names), rejected, first)


def _no_rows(names: list[str]) -> pa.Table:
    return pa.schema([(name, pa.string()) for name in names]).empty_table()


def _last_record_end(data: bytes) -> int:
    """The offset behind the last newline that stands outside of quotes; 0 if there is none."""
    position = data.rfind(_NEWLINE)
    odd = data.count(_QUOTE, 0, position + 1) % 2 == 1
    while odd and position >= 0:
        before = data.rfind(_NEWLINE, 0, position)
        odd ^= data.count(_QUOTE, before + 1, position + 1) % 2 == 1
        position = before
    return position + 1


def _parse(data: bytes, dialect: CsvDialect, rejected: RejectedLines, first: int) -> pa.Table:
    """Columns of text, lines with another number of fields set aside."""

    def set_aside(row: pacsv.InvalidRow) -> str:
        reason = f"{row.actual_columns} fields instead of {row.expected_columns}"
        rejected.add(first + (row.number or 1) - 1, reason, row.text.replace(_NO_TEXT, "\ufffd"))
        return "skip"

    return pacsv.read_csv(
        pa.BufferReader(data),
        read_options=pacsv.ReadOptions(use_threads=False, column_names=list(dialect.names), block_size=len(data) + 1),
        parse_options=pacsv.ParseOptions(
            delimiter=dialect.delimiter, newlines_in_values=_QUOTE in data, invalid_row_handler=set_aside
        ),
        convert_options=pacsv.ConvertOptions(
            column_types=dict.fromkeys(dialect.names, pa.string()),
            check_utf8=False,
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )


def _marked(data: bytes) -> bytes:
    """The same, with a mark for each byte that is no text: the parser ends at lines that it can't decode."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return _SURROGATES.sub(_NO_TEXT, data.decode(errors="surrogateescape")).encode()
    return data


def _without_marked(block: CsvBlock, charset: str) -> pa.Table:
    """The rows that are text throughout; the others are set aside."""
    encoding = "UTF-8 (or in UTF-16, with its mark)" if charset == "utf-8" else charset
    table, bad = block.table, np.zeros(block.table.num_rows, dtype=np.bool_)
    for column in table.columns:
        bad |= pc.match_substring(column, _NO_TEXT).fill_null(False).to_numpy()
    numbers = [(int(row), block.row_number(int(row))) for row in np.flatnonzero(bad)]
    for row, number in numbers:
        line = ",".join(value or "" for value in table.slice(row, 1).to_pylist()[0].values())
        block.rejected.add(number, f"no text in {encoding}", line.replace(_NO_TEXT, "\ufffd"))
    return table.filter(pa.array(~bad)) if numbers else table


def _text(dialect: CsvDialect, blocks: Iterator[memoryview]) -> Iterator[bytes]:
    """The object's text, unpacked and in UTF-8, in bounded pieces."""
    pieces = _with_head(_unpacked(blocks))
    first = next(pieces)
    encoding = encoding_of(first, dialect.charset)
    if encoding == "utf-8":
        yield first
        yield from pieces
        return
    decoder = codecs.getincrementaldecoder(encoding)(errors=_MARKING)
    for piece in itertools.chain((first,), pieces):
        yield decoder.decode(piece).encode(errors="surrogateescape")
    yield decoder.decode(b"", final=True).encode(errors="surrogateescape")


def _unpacked(blocks: Iterator[memoryview]) -> Iterator[bytes]:
    pieces = _with_head(map(bytes, blocks))
    first = next(pieces)
    codec = codec_of(first)
    if codec is None:
        yield first
        yield from pieces
        return
    stream = unpacking(io.BufferedReader(_Stream(itertools.chain((first,), pieces))), codec)
    try:
        while piece := stream.read(_PIECE_BYTES):
            yield piece
    except OSError as error:
        raise CsvUnreadable(f"no readable {codec} file: {error}") from error


def _with_head(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same; the first piece holds the bytes by which a file says what it is, if there are so many."""
    head = b""
    while len(head) < _HEAD_BYTES and (piece := next(pieces, None)) is not None:
        head += piece
    yield head
    yield from pieces


class _Stream(io.RawIOBase):
    """Blocks as a file."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            block = next(self._blocks, None)
            if block is None:
                return 0
            self._rest = block
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def _no_utf_8(error: UnicodeError) -> tuple[str, int]:
    """A byte that is no UTF-8, by way of its surrogate, for what is no text: one way to set it aside is enough."""
    end = error.end if isinstance(error, UnicodeDecodeError) else 0
    return "\udcff", end


codecs.register_error(_MARKING, _no_utf_8)
