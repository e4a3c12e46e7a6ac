"""The operators' command: what a collector would remove, or removing it now instead of at the next pass."""

import asyncio
import logging
import sys
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final, NoReturn

import structlog
import typer
from pydantic import ValidationError
from pymongo.errors import PyMongoError

from chassis.bus.positions import Positions
from chassis.clock import Clock, SystemClock, new_id
from chassis.documents.client import Database, connect
from chassis.errors import AssignmentLost, PlatformError
from chassis.garbage.collector import Kinds, Report
from chassis.garbage.heaps import Heap
from chassis.garbage.turn import COLLECTION, LEASE_S, Turn, Turns
from chassis.objects import Objects
from chassis.sandbox.output_lines import cleaned
from chassis.settings import GarbageSettings
from chassis.stack_file import StackUnknown, kafka_of, mongo_of, s3_of

_HOUR_S: Final = 3600
_LINE: Final = "{:<8} {:>8} {:>12} {:>8}  {}"
_CHARACTERS: Final = 2_000
_WAIT_S: Final = 2 * LEASE_S


@dataclass(frozen=True)
class Stores:
    """A service's stores, as a command reaches them."""

    objects: Objects
    database: Database
    positions: Positions
    clock: Clock


MakeKinds = Callable[[Stores, GarbageSettings], Kinds]


def command(service: str, make: MakeKinds, *, about: str) -> typer.Typer:
    """The command of one service."""
    app = typer.Typer(add_completion=False, help=about, pretty_exceptions_show_locals=False)

    @app.command(help=about)
    def collect(
        stack: Annotated[Path | None, typer.Option("--stack", help="The stack's file.")] = None,
        older_than: Annotated[
            float | None, typer.Option("--older-than", min=24, help="Hours; MLP_GARBAGE_AFTER_S unless said.")
        ] = None,
        *,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would go, and remove nothing.")] = False,
    ) -> None:
        settings = _settings(older_than)
        # What fails is told in one line, below.
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
        structlog.configure(
            wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
            logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        )
        try:
            failures = asyncio.run(_collect(service, make, settings, stack, dry_run=dry_run))
        except StackUnknown as error:
            _fail(str(error))
        except AssignmentLost:
            _fail("another process has taken the turn over; what is left is its business")
        except PyMongoError as error:
            _fail(f"the document store refuses ({error}): is MLP_MONGO_URL right?")
        except PlatformError as error:
            _fail(f"{error.code}: {error}; the same command goes on where this one was")
        if failures:
            _fail(f"{failures} addresses could not be removed; the store's reasons stand above")

    return app


def _settings(older_than: float | None) -> GarbageSettings:
    try:
        settings = GarbageSettings()
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        _fail(f"MLP_GARBAGE_{str(first['loc'][0]).upper()}: {first['msg']}")
    return settings if older_than is None else settings.model_copy(update={"after_s": older_than * _HOUR_S})


async def _collect(
    service: str, make: MakeKinds, settings: GarbageSettings, stack: Path | None, *, dry_run: bool
) -> int:
    async with _opened(service, stack) as stores:
        kinds = make(stores, settings)
        if dry_run:
            await _show(kinds)
            return 0
        turns = Turns(stores.database[COLLECTION], clock=stores.clock, owner=new_id())
        turn = await _turn(turns)
        report = await turn.hold.while_held(kinds.remove(turn))
        await turn.end(stores.clock.now())
    _tell(report)
    return report.failures


async def _turn(turns: Turns) -> Turn:
    deadline = time.monotonic() + _WAIT_S
    while (turn := await turns.take()) is None:
        if time.monotonic() > deadline:
            _fail("a process of the service is collecting right now; its log says what it removes")
        await asyncio.sleep(1)
    return turn


async def _show(kinds: Kinds) -> None:
    """A line a heap, as they are found."""
    typer.echo(_LINE.format("kind", "objects", "bytes", "hours", "where: why"))
    goes, stays = [0, 0], [0, 0]
    async with aclosing(kinds.heaps()) as heaps:
        async for _, heap, now in heaps:
            typer.echo(_line(heap, now))
            counted = goes if heap.goes else stays
            counted[0] += heap.pile.objects
            counted[1] += heap.pile.size_bytes
    typer.echo(f"would go: {goes[0]} objects, {goes[1]} bytes; nothing was removed")
    if stays[0]:
        typer.echo(f"would stay, since nothing explains them: {stays[0]} objects, {stays[1]} bytes")


def _line(heap: Heap, now: datetime) -> str:
    pile = heap.pile
    hours = int((now - pile.youngest).total_seconds() // _HOUR_S)
    why = heap.why if heap.goes else f"STAYS, {heap.why}"
    where = cleaned(str(pile.where), _CHARACTERS)
    return _LINE.format(heap.kind, pile.objects, pile.size_bytes, hours, f"{where}: {why}")


def _tell(report: Report) -> None:
    for kind, removed in sorted(report.removed.items()):
        typer.echo(f"{kind}: {removed.objects} objects, {removed.size_bytes} bytes removed")
    total = sum(each.objects for each in report.removed.values())
    typer.echo(f"removed: {total} objects, {sum(each.size_bytes for each in report.removed.values())} bytes")
    if report.unexplained:
        typer.echo(
            f"stays, since nothing explains it: {sum(report.unexplained.values())} objects; --dry-run shows them"
        )


@asynccontextmanager
async def _opened(service: str, stack: Path | None) -> AsyncGenerator[Stores]:
    client, positions = connect(mongo_of(stack)), Positions(kafka_of(stack))
    try:
        async with Objects(s3_of(stack)) as objects:
            yield Stores(objects, client[service], positions, SystemClock())
    finally:
        await positions.stop()
        await client.close()


def _fail(message: str) -> NoReturn:
    typer.echo(f"error: {message}", err=True)
    raise typer.Exit(1)
