"""The ops on a part of a CSV object: where a record seems to begin in it, or where all begin and end, and how many.

The parent is asked for just the bytes that it takes.
"""

from typing import Any

from .csv_counting import count_range, likely_start
from .csv_dialect import CsvDialect
from .csv_ranges import ReadRange
from .csv_text import CsvUnreadable
from .ops import Link, Op
from .packing import pack_whole


class RangeOps:
    """One range at a time."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self.ops: dict[str, Op] = {"begin_range": self._begin_range, "range": self._range}

    def _begin_range(self, header: dict[str, Any], pieces: list[memoryview]) -> None:
        """Where a record seems to begin; nothing where none does."""
        dialect = CsvDialect.from_bytes(pieces[0])
        found = likely_start(self._fetch, dialect, cut=header["start"], stop=header["stop"])
        self._link.tell({}, pack_whole(() if found is None else (found,)))

    def _range(self, header: dict[str, Any], pieces: list[memoryview]) -> None:
        found = self._counted(header, CsvDialect.from_bytes(pieces[0]))
        self._link.tell({}, pack_whole((found.start, found.end, found.records) if found else ()))

    def _counted(self, header: dict[str, Any], dialect: CsvDialect) -> ReadRange | None:
        size, start, stop, known = (header[name] for name in ("size_bytes", "start", "stop", "known"))
        try:
            return count_range(self._fetch, size, dialect, start=start, stop=stop, known=known)
        except CsvUnreadable as error:
            raise CsvUnreadable(f"{error} ({header['key']})") from error

    def _fetch(self, start: int, end: int) -> memoryview:
        self._link.tell({"need": [start, end]})
        _, (text,) = self._link.receive()
        return text
