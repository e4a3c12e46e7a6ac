"""A CSV stream as tables of text, in blocks that end with a record. What is no record is set aside."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pacsv

from .compute import pc
from .csv_cutting import BOM, Cutter, Stretch
from .csv_dialect import CsvDialect, said_delimiter
from .csv_quotes import Quotes
from .csv_text import NO_TEXT, CsvUnreadable, marked, text_of

_MAX_TEXT: Final = 4_096


@dataclass
class RejectedLines:
    """Lines that are no rows: their record numbers (from 1, the header not counted), what is wrong, their text."""

    numbers: list[int] = field(default_factory=list[int])
    reasons: list[str] = field(default_factory=list[str])
    texts: list[str] = field(default_factory=list[str])

    def add(self, number: int, reason: str, text: str) -> None:
        self.numbers.append(number)
        self.reasons.append(reason)
        self.texts.append(text[:_MAX_TEXT].replace(NO_TEXT, "\ufffd"))


@dataclass(frozen=True)
class CsvBlock:
    """Rows of text, and the lines between them that were none. `first`: number of the block's first record."""

    table: pa.Table
    rejected: RejectedLines
    first: int

    def row_number(self, row: int) -> int:
        """The record number of a row of the table: rejected lines before it count, too."""
        return int(self._numbers[row])

    @cached_property
    def _numbers(self) -> npt.NDArray[np.int64]:
        lines = np.array(self.rejected.numbers, dtype=np.int64) - self.first
        records = np.arange(self.table.num_rows + len(lines), dtype=np.int64)
        return np.delete(records, lines) + self.first


class CsvReader:
    """Cuts a stream of bytes into records and parses them.

    A range of an object is read by itself: `blocks` are its bytes from `start` on, where a record begins or is assumed
    to begin, as far as they are asked for; its last record is the first to end at or behind `stop`, and that end is
    `position`. Where another range's `start` is this `position`, that assumption was right. Its records are numbered
    from `first` on. Only text in UTF-8 that isn't packed can be read so (`csv_dialect.can_be_cut`).
    """

    def __init__(
        self,
        dialect: CsvDialect,
        blocks: Iterator[memoryview],
        *,
        start: int = 0,
        stop: int | None = None,
        first: int = 1,
    ) -> None:
        self._dialect = dialect
        self._pieces = map(bytes, blocks) if start else text_of(dialect, blocks)
        self._cutter = Cutter(dialect.delimiter, start=start, stop=stop)
        # The header belongs to the first range, however short that is.
        self._begins = self._header = self._cutter.held = start == 0
        self._first = self._record = first

    @property
    def position(self) -> int:
        """The offset in the text behind the last record that was read."""
        return self._cutter.position

    @property
    def records(self) -> int:
        """How many were read, rejected lines included."""
        return self._record - self._first

    @property
    def ends_with_a_record(self) -> bool:
        """Whether what was read doesn't end within quotes, nor before the object's header does."""
        return not (self._cutter.left_open or self._header)

    def blocks(self) -> Iterator[CsvBlock]:
        """Raises `CsvUnreadable` on a broken archive or a header without an end, and what reading raises."""
        for stretch in self._cutter.cut(self._pieces):
            if stretch.reason is not None:
                yield self._given_up(stretch)
                continue
            text = self._behind_header(stretch.text)
            if text.lstrip(b"\r\n"):
                yield self._parsed(text)

    def count(self) -> None:
        """Read as `blocks` does, but for parsing. Raises what `blocks` raises."""
        for stretch in self._cutter.cut(self._pieces):
            if stretch.reason is not None:
                self._given_up(stretch)
            elif text := self._behind_header(stretch.text):
                self._record += Quotes(self._dialect.delimiter).follow(text, 0).records()

    def _given_up(self, stretch: Stretch) -> CsvBlock:
        if self._header:
            raise CsvUnreadable(f"its header line is {stretch.reason}")
        rejected, first = RejectedLines(), self._record
        rejected.add(first, stretch.reason or "", stretch.text[: _MAX_TEXT * 4].decode(errors="replace").rstrip())
        self._record += 1
        return CsvBlock(_no_rows(self._dialect.names), rejected, first)

    def _behind_header(self, text: bytes) -> bytes:
        """The rest of the object's first records: the header is the first that isn't empty and says no delimiter."""
        while self._header and (text := text.lstrip(b"\r\n")):
            end = Quotes(self._dialect.delimiter).follow(text, 0).first() or len(text)
            self._header = self._begins and said_delimiter(text[:end]) is not None
            self._begins, text = False, text[end:]
        self._cutter.held = self._header
        return text

    def _parsed(self, text: bytes) -> CsvBlock:
        rejected, first = RejectedLines(), self._record
        valid = marked(text)
        block = CsvBlock(_parse(valid, self._dialect, rejected, first), rejected, first)
        self._record = first + block.table.num_rows + len(rejected.numbers)
        return block if valid is text else _without_marked(block, self._dialect)


def _no_rows(names: tuple[str, ...]) -> pa.Table:
    return pa.schema([(name, pa.string()) for name in names]).empty_table()


def _parse(text: bytes, dialect: CsvDialect, rejected: RejectedLines, first: int) -> pa.Table:
    """Columns of text, lines with another number of fields set aside."""

    def set_aside(row: pacsv.InvalidRow) -> str:
        reason = f"{row.actual_columns} fields instead of {row.expected_columns}"
        rejected.add(first + (row.number or 1) - 1, reason, row.text)
        return "skip"

    # The parser takes a mark off any block that begins with one; here it is a character of the first field.
    whole = BOM + text if text.startswith(BOM) else text
    return pacsv.read_csv(
        pa.BufferReader(whole),
        read_options=pacsv.ReadOptions(use_threads=False, column_names=list(dialect.names), block_size=len(whole) + 1),
        parse_options=pacsv.ParseOptions(
            delimiter=dialect.delimiter, newlines_in_values=b'"' in text, invalid_row_handler=set_aside
        ),
        convert_options=pacsv.ConvertOptions(
            column_types=dict.fromkeys(dialect.names, pa.string()),
            check_utf8=False,
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )


def _without_marked(block: CsvBlock, dialect: CsvDialect) -> CsvBlock:
    """The rows that are text throughout; the others are set aside."""
    encoding = "UTF-8 (or in UTF-16, with its mark)" if dialect.charset == "utf-8" else dialect.charset
    table, bad = block.table, np.zeros(block.table.num_rows, dtype=np.bool_)
    for column in table.columns:
        bad |= pc.match_substring(column, NO_TEXT).fill_null(False).to_numpy()
    numbers = [(int(row), block.row_number(int(row))) for row in np.flatnonzero(bad)]
    for row, number in numbers:
        values = (column[row].as_py() or "" for column in table.columns)
        block.rejected.add(number, f"no text in {encoding}", dialect.delimiter.join(values))
    return CsvBlock(table.filter(pa.array(~bad)), block.rejected, block.first) if numbers else block
