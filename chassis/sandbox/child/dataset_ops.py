"""Ops on a data set: a `dataset_footer` or `dataset_block` for each object, then `dataset_columns`."""

from typing import Any

from . import csv_schema, hive, parquet_schema
from .csv_schema import CsvSchema
from .described import Described, SchemasDiffer, SchemaUnfit, SchemaUnreadable
from .folder_values import FoldersUnfit
from .ops import Link, Op
from .packing import pack_texts
from .parquet_schema import ParquetSchema

_SAID = {None: "", True: "yes", False: "no"}


class DatasetOps:
    """One data set a process."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._parquet, self._csv = list[tuple[str, ParquetSchema]](), list[tuple[str, CsvSchema]]()
        self.ops: dict[str, Op] = {
            "dataset_footer": self._footer,
            "dataset_block": self._block,
            "dataset_columns": self._columns,
        }

    def _footer(self, header: dict[str, Any], pieces: list[memoryview]) -> None:
        try:
            found = parquet_schema.read_footer(bytes(pieces[0]))
        except SchemaUnreadable as error:
            raise SchemaUnreadable(f"{header['key']}: {error}") from error
        self._parquet.append((header["key"], found))
        self._link.tell({"rows": found.rows})

    def _block(self, header: dict[str, Any], pieces: list[memoryview]) -> None:
        try:
            found = csv_schema.read_beginning(
                bytes(pieces[0]), whole=header["whole"], content_type=header["content_type"]
            )
        except SchemaUnreadable as error:
            raise SchemaUnreadable(f"{header['key']}: {error}") from error
        self._csv.append((header["key"], found))
        self._link.tell({})

    def _columns(self, _: dict[str, Any], __: list[memoryview]) -> None:
        for key, one in self._parquet[1:]:
            if not parquet_schema.agree(self._parquet[0][1], one):
                raise SchemasDiffer(f"{key} has other columns than {self._parquet[0][0]}")
        for key, one in self._csv[1:]:
            if one.names != self._csv[0][1].names:
                raise SchemasDiffer(f"{key} has other columns than {self._csv[0][0]}")
        told = [text for each in self._with_folders() for text in _texts(each)]
        self._link.tell({}, pack_texts(told))

    def _with_folders(self) -> tuple[Described, ...]:
        try:
            said = hive.said_by(sorted(key for key, _ in self._csv or self._parquet))
            if self._csv:
                return hive.described(csv_schema.joined([one for _, one in self._csv]), said, typed=False)
            files = [one for _, one in self._parquet]
            hive.with_folders(parquet_schema.merged(files), said)
            return hive.described(parquet_schema.joined(files), said, typed=True)
        except hive.FoldersDiffer as error:
            raise SchemasDiffer(str(error)) from error
        except FoldersUnfit as error:
            raise SchemaUnfit(str(error)) from error


def _texts(column: Described) -> tuple[str, str, str, str]:
    return column.name, column.type, _SAID[column.nullable], _SAID[column.folder]
