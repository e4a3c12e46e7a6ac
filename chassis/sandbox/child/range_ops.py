"""The op `range`: where records begin and end in a part of a CSV object, and how many there are."""

from typing import Any

from .csv_dialect import CsvDialect
from .csv_ranges import ReadRange
from .csv_text import CsvUnreadable
from .ops import Link, Op
from .packing import pack_whole
from .range_reading import read_range
from .ranged_file import RangedFile


class RangeOps:
    """One range at a time."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self.ops: dict[str, Op] = {"range": self._range}

    def _range(self, header: dict[str, Any], pieces: list[memoryview]) -> None:
        found = self._read(header, pieces[0])
        self._link.tell({}, pack_whole((found.start, found.end, found.records) if found else ()))

    def _read(self, header: dict[str, Any], dialect: memoryview) -> ReadRange | None:
        file = RangedFile(self._link, header["size_bytes"])
        start, stop, known = header["start"], header["stop"], header["known"]
        try:
            return read_range(file, CsvDialect.from_bytes(dialect), start=start, stop=stop, known=known)
        except CsvUnreadable as error:
            raise CsvUnreadable(f"{error} ({header['key']})") from error
