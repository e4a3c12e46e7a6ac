"""The op `number`: a part of rejected rows again, numbered on from the records that stand before its range."""

from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from .compute import pc
from .ops import Link, Op
from .output_rows import ROW_FIELD
from .parts import PartWriter


class NumberingOps:
    """One part at a time."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self.ops: dict[str, Op] = {"number": self._number}

    def _number(self, header: dict[str, Any], pieces: list[memoryview]) -> None:
        table = pq.read_table(pa.BufferReader(pa.py_buffer(pieces[0])), use_threads=False)
        at = table.schema.get_field_index(ROW_FIELD)
        numbers = pc.add(table.column(at), pa.scalar(header["before"], pa.int64()))
        writer = PartWriter(part_bytes=1, rejected=True)
        writer.write(table.set_column(at, table.schema.field(at), numbers))
        writer.close()
        self._link.tell({"rows": writer.rows}, *(part.data for part in writer.take()))
