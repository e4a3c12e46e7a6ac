"""How far consumer groups have come, and how to have one read again what it has committed.

The bus is that of `stack.json` in the run folder (`MLP_RUN_FOLDER`, `.run`), as `operator`, unless MLP_KAFKA_… is set.
"""

import asyncio
import logging
from collections.abc import Coroutine
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from chassis.errors import PlatformError
from chassis.offsets.groups import GroupInUse, Groups, Position
from chassis.stack_file import StackUnknown, kafka_of
from schemas.topics import TOPICS

T = TypeVar("T")

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__, pretty_exceptions_show_locals=False)
_REQUESTS: Final = frozenset(topic.name for topic in TOPICS if topic.name.endswith(".requests"))
_out: Final = Console()
_err: Final = Console(stderr=True)

_Stack = Annotated[Path | None, typer.Option("--stack", help="The stack's file, instead of that in the run folder.")]
_Topics = Annotated[list[str] | None, typer.Option("--topic", help="Only this one of the group's topics.")]


@app.command()
def show(
    group: Annotated[str, typer.Argument(help="Only this one, partition by partition.")] = "", stack: _Stack = None
) -> None:
    """Show how many records each group has still to read, by topic."""
    found = _done(_groups(stack).positions(*([group] if group else [])))
    table = Table("group", "topic", "partition", "next", "end", "lag") if group else Table("group", "topic", "lag")
    for (name, topic), places in groupby(found, key=lambda each: (each.group, each.topic)):
        for row in _rows(list(places), one_by_one=bool(group)):
            table.add_row(name, topic, *map(str, row))
    _out.print(table)


@app.command()
def rewind(
    group: Annotated[str, typer.Argument(help="Its service has to be stopped.")],
    topic: _Topics = None,
    stack: _Stack = None,
    *,
    requests_too: Annotated[
        bool, typer.Option("--requests-too", help="Requests as well: old ones may be granted or refused anew.")
    ] = False,
) -> None:
    """Have a group read facts and observations again from the beginning; its service passes over what it knows."""
    groups = _groups(stack)
    held = {each.topic for each in _done(groups.positions(group))}
    chosen = held & set(topic) if topic else held
    if not chosen:
        _fail(f"{group} has committed nothing on {', '.join(topic) if topic else 'any topic'}; `show` lists the groups")
    if chosen & _REQUESTS and not requests_too:
        _fail(f"{group} reads requests, which are answered once: add --requests-too if that is what you want")
    before = _done(groups.rewind(group, chosen))
    records = sum(each.end - each.begin for each in before)
    _out.print(f"{group} will read {records} records of {', '.join(sorted(chosen))} again")


def _rows(places: list[Position], *, one_by_one: bool) -> list[tuple[int, ...]]:
    if one_by_one:
        return [(each.partition, each.offset, each.end, each.lag) for each in places]
    return [(sum(each.lag for each in places),)]


def _groups(stack: Path | None) -> Groups:
    # What fails is told in one line, below.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        return Groups(kafka_of(stack))
    except StackUnknown as error:
        _fail(str(error))


def _done(work: Coroutine[Any, Any, T]) -> T:
    try:
        return asyncio.run(work)
    except GroupInUse as error:
        _fail(f"{error} has members: stop its service first")
    except PlatformError as error:
        _fail(f"{error.code}: {error}")


def _fail(message: str) -> NoReturn:
    _err.print(f"error: {message}", style="red", soft_wrap=True, highlight=False)
    raise typer.Exit(1)
