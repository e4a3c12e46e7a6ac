"""Reads what a data set holds: its objects, their columns, their rows."""

import asyncio
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

from chassis.object_errors import ObjectChanged, ObjectForbidden, ObjectMissing, ObjectUnfit
from chassis.object_search import check_names, find, is_data
from chassis.objects import Location, ObjectInfo, Objects
from chassis.tasks import TaskGroup
from schemas.values import DataFormat
from services.registry.domain.dataset import Content
from services.registry.refusals import (
    DatasetChanged,
    DatasetEmpty,
    DatasetForbidden,
    DatasetTooLarge,
    DatasetUnfit,
    DatasetUnreadable,
)
from services.registry.tabular import parquet
from services.registry.tabular.description import Asked, Description

_AT_ONCE: Final = 8
_BLOCK_BYTES: Final = 1 << 20
_EMPTY: Final = -1


@dataclass(frozen=True)
class Contents:
    """Reads data sets from the object store, a few objects at a time and no more of them than it needs."""

    objects: Objects
    max_objects: int
    begin: Callable[[], Asked]

    async def read(self, uri: str, data_format: DataFormat) -> Content:
        """What lies at `uri`.

        Raises:
            Refusal: nothing, too many objects, objects that aren't to be had, can't be read or have different columns.
        """
        with _refusing():
            found, description = await self._find(uri), Description(self.begin)
            try:
                return await self._described(description, found, data_format)
            finally:
                await description.close()

    async def _described(
        self, description: Description, found: Sequence[ObjectInfo], data_format: DataFormat
    ) -> Content:
        counted = await self._rows(description, found, data_format)
        if all(rows == _EMPTY for rows in counted):
            raise DatasetEmpty("its objects are empty")
        rows = sum(rows or 0 for rows in counted) if data_format == "parquet" else None
        columns = await description.columns()
        if rows == 0:
            raise DatasetEmpty("it has no rows")
        size_bytes = sum(info.size_bytes for info in found)
        return Content(columns=columns, objects=len(found), rows=rows, size_bytes=size_bytes)

    async def _find(self, uri: str) -> list[ObjectInfo]:
        found = await find(self.objects, Location.parse(uri), at_most=self.max_objects, wanted=is_data)
        if not found.is_all:
            raise DatasetTooLarge(f"it has more than {self.max_objects} objects")
        if not found.files:
            raise DatasetEmpty(f"there is nothing at {uri}")
        check_names(found)
        return list(found.files.values())

    async def _rows(
        self, description: Description, found: Sequence[ObjectInfo], data_format: DataFormat
    ) -> list[int | None]:
        gate = asyncio.Semaphore(_AT_ONCE)
        try:
            async with TaskGroup() as tasks:
                parts = [tasks.create_task(self._look_at(description, info, data_format, gate)) for info in found]
        except ExceptionGroup as raised:
            # What one object says is the answer: the others needn't be read.
            raise raised.exceptions[0] from raised
        return [each.result() for each in parts]

    async def _look_at(
        self, description: Description, info: ObjectInfo, data_format: DataFormat, gate: asyncio.Semaphore
    ) -> int | None:
        """How many rows it has; None of a CSV, -1 of an empty one, which has no columns that could differ."""
        read, key = partial(self._bytes, info), str(info.location)
        async with gate:
            if data_format == "parquet":
                try:
                    raw = await parquet.footer(read, info.size_bytes)
                except parquet.NoFooter as error:
                    raise DatasetUnreadable(f"{key}: {error}") from error
                return await description.footer(key, raw)
            if info.size_bytes == 0:
                return _EMPTY
            said = (await self.objects.stat(info.location)).content_type
            block = await read(0, min(_BLOCK_BYTES, info.size_bytes))
            await description.block(key, block, whole=len(block) == info.size_bytes, content_type=said)
            return None

    async def _bytes(self, info: ObjectInfo, offset: int, length: int) -> bytes:
        # A length of nothing would ask for everything.
        return await self.objects.get(info.location, offset=offset, length=length, etag=info.etag) if length else b""


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
