"""The op `preview`: an object's first rows as text, for which the parent is asked for just the bytes that it takes."""

import io
from collections.abc import Iterator
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from .csv_dialect import CsvDialect, HeaderUnreadable, beginning, charset_of, read_header
from .csv_records import CsvReader
from .layout import InputUnfit
from .ops import Link, Op
from .packing import pack_texts, pack_whole

_BLOCK_BYTES: Final = 64 * 1024
_CELL_CHARACTERS: Final = 1_000


class PreviewOps:
    """One object at a time."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self.ops: dict[str, Op] = {"preview": self._preview}

    def _preview(self, header: dict[str, Any], _: list[memoryview]) -> None:
        read = _parquet if header["format"] == "parquet" else _csv
        table = read(_RangedFile(self._link, header["size_bytes"]), header).slice(0, header["rows"])
        cells = [None if cell is None else str(cell) for row in table.to_pylist() for cell in row.values()]
        self._link.tell(
            {"rows": table.num_rows},
            pack_texts([text for field in table.schema for text in (field.name, str(field.type))]),
            pack_texts([(cell or "")[:_CELL_CHARACTERS] for cell in cells]),
            pack_whole(place for place, cell in enumerate(cells) if cell is None),
        )


def _parquet(file: "_RangedFile", header: dict[str, Any]) -> pa.Table:
    """Only from the pages that hold them: a row group may be large."""
    try:
        parquet = pq.ParquetFile(file, pre_buffer=False, buffer_size=_BLOCK_BYTES, coerce_int96_timestamp_unit="us")
        first = next(parquet.iter_batches(batch_size=max(header["rows"], 1), use_threads=False), None)
        return parquet.schema_arrow.empty_table() if first is None else pa.Table.from_batches([first])
    except (pa.ArrowException, OSError, ValueError) as error:
        raise InputUnfit("input-corrupt", f"{header['key']} is no readable parquet file: {error}") from error


def _csv(file: "_RangedFile", header: dict[str, Any]) -> pa.Table:
    head = file.read(_BLOCK_BYTES * 4)
    if not head:
        return pa.table({})
    try:
        charset = charset_of(header["content_type"])
        found = read_header(beginning(head, len(head), charset))
    except HeaderUnreadable as error:
        raise InputUnfit("input-corrupt", f"{header['key']}: {error}") from error
    file.seek(0)
    dialect, rows, tables = CsvDialect(found.delimiter, found.names, charset), 0, list[pa.Table]()
    for block in CsvReader(dialect, _blocks(file)).blocks():
        tables.append(block.table)
        rows += block.table.num_rows
        if rows >= header["rows"]:
            break
    names = pa.schema([(name, pa.string()) for name in found.names])
    return pa.concat_tables(tables) if tables else names.empty_table()


def _blocks(file: "_RangedFile") -> Iterator[memoryview]:
    while block := file.read(_BLOCK_BYTES):
        yield memoryview(block)


class _RangedFile(io.RawIOBase):
    """An object as a file, of which a read has the parent fetch just what it asks for."""

    def __init__(self, link: Link, size_bytes: int) -> None:
        self._link, self._size, self._position = link, size_bytes, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._position = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: Any) -> int:
        end = min(self._position + len(buffer), self._size)
        if end <= self._position:
            return 0
        self._link.tell({"need": [self._position, end]})
        _, (data,) = self._link.receive()
        buffer[: data.nbytes] = data
        self._position += data.nbytes
        return data.nbytes
