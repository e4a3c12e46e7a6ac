"""Parquet's times of old, INT96: a day and its nanoseconds, of which no integer of 64 bits holds all."""

import base64
import contextlib
from collections.abc import Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from .casting import INT96
from .compute import pc

_ARROW_SCHEMA: Final = b"ARROW:schema"
_US, _NS = 10**6, 10**9
_SECONDS_OF_US: Final = (1 << 63) // _US - 1
_SECONDS_OF_NS: Final = (1 << 63) // _NS - 1


def int96_columns(metadata: pq.FileMetaData) -> set[str]:
    """Columns of this type, those within lists and structs left out."""
    leaves = (metadata.schema.column(position) for position in range(metadata.num_columns))
    return {leaf.name for leaf in leaves if leaf.physical_type == "INT96" and leaf.path == leaf.name}


def as_declared(schema: pa.Schema, metadata: pq.FileMetaData) -> pa.Schema:
    """INT96 as microseconds, which hold the years 1 to 9999, or as nanoseconds where those are what its writer had."""
    nanoseconds = {
        field.name
        for field in _written(metadata)
        if pa.types.is_timestamp(field.type) and field.type.unit == "ns" and field.name in int96_columns(metadata)
    }
    for position, field in enumerate(schema):
        if field.name in nanoseconds:
            schema = schema.set(position, field.with_type(pa.timestamp("ns")))
    return schema


class Int96Columns:
    """Those of a row group, as they are."""

    def __init__(self, source: Any, metadata: pq.FileMetaData, row_group: int, names: Sequence[str]) -> None:
        def read(unit: str) -> pa.Table:
            file = pq.ParquetFile(source, metadata=metadata, coerce_int96_timestamp_unit=unit)
            return file.read_row_group(row_group, columns=list(names), use_threads=False)

        self._names = names
        self._seconds, self._nanoseconds = read("s"), read("ns")
        self._row = 0

    def put_into(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The next of the row group's batches, read in microseconds, with these columns' values."""
        begin, self._row = self._row, self._row + batch.num_rows
        for name in self._names:
            seconds, nanoseconds = (
                table.column(name).slice(begin, batch.num_rows).combine_chunks()
                for table in (self._seconds, self._nanoseconds)
            )
            position = batch.schema.get_field_index(name)
            batch = batch.set_column(position, name, _exact(batch.column(position), seconds, nanoseconds))
        return batch


def _exact(microseconds: pa.Array, seconds: pa.Array, nanoseconds: pa.Array) -> pa.Array:
    """The narrowest that holds them all.

    Seconds never overflow; and nanoseconds that have overflown still say what is left of a second.
    """
    whole = seconds.cast(pa.int64())
    beyond = pc.subtract(nanoseconds.cast(pa.int64()), pc.multiply(whole, _NS))
    furthest = max((abs(each) for each in pc.min_max(whole).as_py().values() if each is not None), default=0)
    of_us = pc.equal(pc.multiply(pc.divide(beyond, 1_000), 1_000), beyond)
    if furthest <= _SECONDS_OF_US and pc.all(of_us).as_py() is not False:
        return microseconds
    if furthest <= _SECONDS_OF_NS:
        return nanoseconds
    return pa.StructArray.from_arrays([seconds, beyond.cast(pa.int32())], fields=list(INT96), mask=seconds.is_null())


def _written(metadata: pq.FileMetaData) -> pa.Schema:
    """What a writer that knows Arrow says of the types it had."""
    said = (metadata.metadata or {}).get(_ARROW_SCHEMA)
    with contextlib.suppress(ValueError, pa.ArrowException, OSError):
        if said:
            return pa.ipc.read_schema(pa.BufferReader(base64.b64decode(said)))
    return pa.schema([])
