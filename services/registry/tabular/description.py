"""A data set's objects looked at in a sandbox: what comes back are names, types and counts."""

import asyncio
from collections.abc import Callable
from typing import Any, Final, Protocol

import structlog
from pydantic import ValidationError

from chassis.sandbox.child.packing import texts_of
from chassis.sandbox.errors import ChildDied, ChildFailed, ChildGarbled, SandboxUnavailable
from chassis.sandbox.process import ChildProcess
from chassis.sandbox.settings import SandboxSettings
from schemas.datasets import DatasetColumn
from services.registry.refusals import (
    DatasetNotInspected,
    DatasetSchemaMismatch,
    DatasetUnfit,
    DatasetUnreadable,
)

log = structlog.get_logger(__name__)

_MOST_COLUMNS: Final = 20_000
_SAID: Final = {"": None, "yes": True, "no": False}
_REFUSALS: Final = {"dataset-schema-mismatch": DatasetSchemaMismatch, "dataset-unfit": DatasetUnfit}


class Asked(Protocol):
    """A sandboxed child, or in tests what runs in one."""

    def ask(self, header: dict[str, Any], *pieces: memoryview) -> None: ...
    def answer(self) -> tuple[dict[str, Any], list[memoryview]]: ...
    def close(self) -> None: ...


class Description:
    """One data set's, in a child of its own, which begins with the first question."""

    def __init__(self, begin: Callable[[], Asked]) -> None:
        self._begin = begin
        self._child: Asked | None = None
        self._turn = asyncio.Lock()

    async def footer(self, key: str, raw: bytes) -> int:
        """The rows of a parquet object. Raises: Refusal."""
        answer, _ = await self._ask({"op": "dataset_footer", "key": key}, raw)
        rows = answer.get("rows")
        if not isinstance(rows, int) or isinstance(rows, bool) or rows < 0:
            raise DatasetUnreadable(f"{key}: its number of rows is none")
        return rows

    async def block(self, key: str, raw: bytes, *, whole: bool, content_type: str | None) -> None:
        """The beginning of a CSV object. Raises: Refusal."""
        header = {"op": "dataset_block", "key": key, "whole": whole, "content_type": content_type}
        await self._ask(header, raw)

    async def columns(self) -> tuple[DatasetColumn, ...]:
        """Of all objects that were looked at. Raises: Refusal."""
        _, pieces = await self._ask({"op": "dataset_columns"})
        try:
            told = zip(*[iter(texts_of(pieces[0], at_most=4 * _MOST_COLUMNS))] * 4, strict=True)
            return tuple(_column(place, *texts) for place, texts in enumerate(told, 1))
        except (ValueError, LookupError) as error:
            raise DatasetUnreadable("the process that read it gave no readable answer") from error

    async def close(self) -> None:
        if self._child is not None:
            await asyncio.to_thread(self._child.close)

    async def _ask(self, header: dict[str, Any], *pieces: bytes) -> tuple[dict[str, Any], list[memoryview]]:
        async with self._turn:
            try:
                return await asyncio.to_thread(self._asked, header, pieces)
            except ChildFailed as failed:
                raise _REFUSALS.get(failed.code, DatasetUnreadable)(str(failed)) from failed
            except SandboxUnavailable as error:
                log.error("sandbox_unavailable", reason=str(error), detail=error.detail)  # noqa: TRY400 - it is known
                raise DatasetNotInspected(str(error)) from error
            except (ChildDied, ChildGarbled) as error:
                text = f"{header.get('key', 'it')}: the process that read it ended ({error})"
                raise DatasetUnreadable(text) from error

    def _asked(self, header: dict[str, Any], pieces: tuple[bytes, ...]) -> tuple[dict[str, Any], list[memoryview]]:
        if self._child is None:
            self._child = self._begin()
        self._child.ask(header, *(memoryview(piece) for piece in pieces))
        return self._child.answer()


def _column(place: int, name: str, kind: str, nullable: str, folder: str) -> DatasetColumn:
    try:
        return DatasetColumn(name=name, type=kind, nullable=_SAID[nullable], folder=_SAID[folder] or None)
    except ValidationError as error:
        raise DatasetUnreadable(
            f"the name of its column {place} is no line of 1 to 200 characters: rename it"
        ) from error


def sandboxed(settings: SandboxSettings) -> Callable[[], Asked]:
    """Begins children that have nothing of anybody's."""
    return lambda: ChildProcess(settings, None, lambda _: None, within_s=settings.look_s)
