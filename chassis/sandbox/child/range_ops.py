"""The op `range`: where records begin and end in a part of a CSV object, and how many there are.

The parent is asked for just the bytes that it takes.
"""

from typing import Any

from .csv_counting import count_range
from .csv_dialect import CsvDialect
from .csv_ranges import ReadRange
from .csv_text import CsvUnreadable
from .ops import Link, Op
from .packing import pack_whole


class RangeOps:
    """One range at a time."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self.ops: dict[str, Op] = {"range": self._range}

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
