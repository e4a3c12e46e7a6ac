"""What one of a data set's objects says about itself."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from chassis.sandbox.child import csv_schema, parquet_schema
from chassis.sandbox.child.csv_schema import CsvSchema
from chassis.sandbox.child.described import Described
from chassis.sandbox.child.described import SchemaUnreadable as Unreadable
from chassis.sandbox.child.parquet_schema import ParquetSchema

__all__ = ["Part", "Read", "Schema", "Unreadable", "agree", "joined"]

Read = Callable[[int, int], Awaitable[bytes]]
"""`(offset, length)` -> bytes; reads inside the object only."""
Schema = CsvSchema | ParquetSchema


@dataclass(frozen=True)
class Part:
    """An object's columns, and its rows where it says how many they are."""

    schema: Schema
    rows: int | None


def agree(one: Schema, other: Schema) -> bool:
    """Whether two objects are of one data set."""
    if isinstance(one, CsvSchema) or isinstance(other, CsvSchema):
        return isinstance(one, CsvSchema) and isinstance(other, CsvSchema) and one.names == other.names
    return parquet_schema.agree(one, other)


def joined(found: Sequence[Schema]) -> tuple[Described, ...]:
    """The columns of them all, which agree. Raises: SchemasDiffer."""
    of_csv = [each for each in found if isinstance(each, CsvSchema)]
    return csv_schema.joined(of_csv) if of_csv else parquet_schema.joined(_of_parquet(found))


def _of_parquet(found: Sequence[Schema]) -> list[ParquetSchema]:
    return [each for each in found if isinstance(each, ParquetSchema)]
