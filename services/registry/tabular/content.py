"""Reads what a data set holds: its objects, their columns, their rows."""

import asyncio
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

from chassis.object_errors import ObjectChanged, ObjectForbidden, ObjectMissing, ObjectUnfit
from chassis.object_search import check_names, find, is_data
from chassis.objects import Location, ObjectInfo, Objects
from chassis.sandbox.child.described import SchemasDiffer
from schemas.values import DataFormat
from services.registry.domain.dataset import Content
from services.registry.refusals import (
    DatasetChanged,
    DatasetEmpty,
    DatasetForbidden,
    DatasetSchemaMismatch,
    DatasetTooLarge,
    DatasetUnfit,
    DatasetUnreadable,
)
from services.registry.tabular import csv, parquet
from services.registry.tabular.part import Part, Unreadable, agree, joined
from services.registry.tabular.types import columns

_AT_ONCE: Final = 8


@dataclass(frozen=True)
class Contents:
    """Reads data sets from the object store, a few objects at a time and no more of them than it needs."""

    objects: Objects
    max_objects: int

    async def read(self, uri: str, data_format: DataFormat) -> Content:
        """What lies at `uri`.

        Raises:
            Refusal: nothing, too many objects, objects that aren't to be had, can't be read or have different columns.
        """
        with _refusing():
            found = await self._find(uri)
            return _joined(found, await self._parts(found, data_format), data_format)

    async def _find(self, uri: str) -> list[ObjectInfo]:
        found = await find(self.objects, Location.parse(uri), at_most=self.max_objects, wanted=is_data)
        if not found.is_all:
            raise DatasetTooLarge(f"it has more than {self.max_objects} objects")
        if not found.files:
            raise DatasetEmpty(f"there is nothing at {uri}")
        check_names(found)
        return list(found.files.values())

    async def _parts(self, found: Sequence[ObjectInfo], data_format: DataFormat) -> list[Part | None]:
        gate = asyncio.Semaphore(_AT_ONCE)
        try:
            async with asyncio.TaskGroup() as tasks:
                parts = [tasks.create_task(self._part(info, data_format, gate)) for info in found]
        except ExceptionGroup as raised:
            # What one object says is the answer: the others needn't be read.
            raise raised.exceptions[0] from raised
        return [each.result() for each in parts]

    async def _part(self, info: ObjectInfo, data_format: DataFormat, gate: asyncio.Semaphore) -> Part | None:
        """None of an empty CSV object: it has no columns that could differ."""
        read = partial(self._bytes, info)
        async with gate:
            try:
                if data_format == "parquet":
                    return await asyncio.to_thread(parquet.part, await parquet.footer(read, info.size_bytes))
                if info.size_bytes == 0:
                    return None
                said = (await self.objects.stat(info.location)).content_type
                block = await csv.first_block(read, info.size_bytes)
                return await asyncio.to_thread(csv.part, block, info.size_bytes, said)
            except Unreadable as error:
                raise DatasetUnreadable(f"{info.location}: {error}") from error

    async def _bytes(self, info: ObjectInfo, offset: int, length: int) -> bytes:
        # A length of nothing would ask for everything.
        return await self.objects.get(info.location, offset=offset, length=length, etag=info.etag) if length else b""


def _joined(found: Sequence[ObjectInfo], parts: Sequence[Part | None], data_format: DataFormat) -> Content:
    readable = [(info, part) for info, part in zip(found, parts, strict=True) if part is not None]
    if not readable:
        raise DatasetEmpty("its objects are empty")
    first_info, _ = readable[0]
    schemas = [part.schema for _, part in readable]
    for (info, _), schema in zip(readable[1:], schemas[1:], strict=True):
        if not agree(schemas[0], schema):
            raise DatasetSchemaMismatch(f"{info.location} has other columns than {first_info.location}")
    rows = sum(part.rows or 0 for _, part in readable) if data_format == "parquet" else None
    if rows == 0:
        raise DatasetEmpty("it has no rows")
    try:
        found_columns = columns(joined(schemas))
    except SchemasDiffer as error:
        raise DatasetSchemaMismatch(str(error)) from error
    except ValueError as error:
        raise DatasetUnreadable(f"{first_info.location}: a column's name is too long or no text") from error
    size_bytes = sum(info.size_bytes for info in found)
    return Content(columns=found_columns, objects=len(found), rows=rows, size_bytes=size_bytes)


@contextmanager
def _refusing() -> Generator[None]:
    try:
        yield
    except ObjectMissing as error:
        raise DatasetEmpty(f"there is no longer anything at {error}") from error
    except ObjectChanged as error:
        raise DatasetChanged(f"{error} was changed while it was read") from error
    except ObjectForbidden as error:
        raise DatasetForbidden(f"the store doesn't let the registry read {error}") from error
    except ObjectUnfit as error:
        raise DatasetUnfit(f"the store doesn't give {error}") from error
