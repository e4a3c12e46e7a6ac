"""Dead letters: what services could not read or handle. List, look at, replay and drop them.

The bus (as `operator`) and the document store are those of `stack.json` in the run folder (`MLP_RUN_FOLDER`, `.run`),
unless MLP_KAFKA_… and MLP_MONGO_URL are set.
"""

import asyncio
import getpass
import logging
import sys
from collections.abc import Awaitable, Callable, Coroutine, Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import structlog
import typer
from pymongo.errors import PyMongoError
from rich.console import Console
from rich.text import Text

from chassis.deadletters.connection import opened
from chassis.deadletters.difference import difference
from chassis.deadletters.letters import BadArgument, Letter, Which, read_id, read_since
from chassis.deadletters.office import WAITING, Office, Operator, Result, Status
from chassis.deadletters.shown import Found, as_json, as_table, printable, whole
from chassis.errors import BusUnavailable, DocumentsUnavailable, PlatformError
from chassis.stack_file import StackUnknown, kafka_of, mongo_of
from schemas.topics import SERVICES

T = TypeVar("T")

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__, pretty_exceptions_show_locals=False)
# Where no terminal sets a width, ids must not be broken.
_out: Final = Console(width=None if sys.stdout.isatty() else 160)
_err: Final = Console(stderr=True)

_Ids = Annotated[list[str], typer.Argument(metavar="ID...", help="<service>/<partition>/<offset>, as `list` shows.")]
_SomeIds = Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="As `list` shows.", show_default=False)]
_Stack = Annotated[Path | None, typer.Option("--stack", help="The stack's file, instead of that in the run folder.")]
_Service = Annotated[str | None, typer.Option("--service", help="Only this service's.")]
_Code = Annotated[str | None, typer.Option("--code", help="Only those with this error code.")]
_Topic = Annotated[str | None, typer.Option("--topic", help="Only those that stood on this topic.")]
_Since = Annotated[str | None, typer.Option("--since", help="Only later ones: 30m, 12h, 7d, or a time.")]
_SHOWN: Final = (*WAITING, Status.REPLAYING)

_By = Annotated[str | None, typer.Option("--by", help="Who decides; you, if left out.")]
_Reason = Annotated[str, typer.Option("--reason", help="Why; it is kept with the decision.")]


@app.command("list")
def list_letters(
    service: _Service = None,
    code: _Code = None,
    topic: _Topic = None,
    since: _Since = None,
    stack: _Stack = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Replayed and dropped ones too.")] = False,
    as_data: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show the dead letters that wait for somebody."""
    with _errors():
        which = _which(service, code, topic, since)
        found = _run(stack, lambda office: _find(office, which, everything=everything))
    if as_data:
        typer.echo(as_json(found))
    elif found:
        _out.print(as_table(found))
    else:
        _out.print("no dead letters" if everything else "no dead letters wait for anybody; --all shows decided ones")


@app.command()
def show(letter_id: Annotated[str, typer.Argument(metavar="ID")], stack: _Stack = None) -> None:
    """Show one: headers, error, body, and how it differs from its schema."""

    async def one(office: Office) -> Found:
        letter = await office.letter(letter_id)
        return letter, await office.decision_about(letter)

    with _errors():
        letter, decision = _run(stack, one)
    _out.print(whole(letter, decision, difference(letter)))


@app.command()
def replay(  # noqa: PLR0913 - an option of the command is an argument here
    ids: _SomeIds = None,
    *,
    service: _Service = None,
    code: _Code = None,
    topic: _Topic = None,
    since: _Since = None,
    stack: _Stack = None,
    by: _By = None,
    reason: _Reason = "",
    all_matching: Annotated[bool, typer.Option("--all-matching", help="All open ones that the options name.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Also what has been replayed or dropped.")] = False,
    token: Annotated[
        str | None, typer.Option("--token", envvar="MLP_TOKEN", help="Your own; goes along, is not kept.")
    ] = None,
    wait: Annotated[float, typer.Option("--wait", help="Seconds to wait for a service that reads a fact again.")] = 30,
) -> None:
    """Have them handled again. Requests and observations go to their topic, facts to the service that failed at them.

    What was answered since is not answered twice. The same command after a crash goes on where that was.
    """

    async def one(office: Office, letter: Letter) -> Result:
        return await office.replay(letter, operator, reason=printable(reason), again=again, wait_s=wait)

    with _errors():
        if all_matching == bool(ids):
            raise BadArgument("name dead letters, or say --all-matching: one of both")
        operator = _operator(by, token)
        which = _which(service, code, topic, since)
        chosen = ids or _confirmed(stack, which, yes=yes)
        _run(stack, lambda office: _each(office, chosen, one))


@app.command()
def drop(
    ids: _Ids,
    reason: Annotated[str, typer.Option("--reason", help="Why; it is kept with the decision.")],
    stack: _Stack = None,
    by: _By = None,
) -> None:
    """Decide that nothing more is to be done about them. They stay readable until their retention ends."""

    async def one(office: Office, letter: Letter) -> Result:
        return await office.drop(letter, _operator(by), reason=printable(reason))

    with _errors():
        if not reason.strip():
            raise BadArgument("say why with --reason: whoever looks next wants to know")
        _run(stack, lambda office: _each(office, ids, one))


async def _find(office: Office, which: Which, *, everything: bool) -> list[Found]:
    return [each for each in await office.find(which) if everything or Status.of(each[1]) in _SHOWN]


async def _each(office: Office, ids: Sequence[str], do: Callable[[Office, Letter], Awaitable[Result]]) -> None:
    for letter_id in ids:
        read_id(letter_id)
    results: list[Result] = []
    for letter_id in ids:
        results.append(await do(office, await office.letter(letter_id)))
        _out.print(_line(results[-1]), soft_wrap=True)
    if not all(each.settled for each in results):
        raise typer.Exit(1)


def _operator(by: str | None, token: str | None = None) -> Operator:
    if token is not None and not (token.isascii() and token.isprintable()):
        raise BadArgument("the token has characters that no token has")
    return Operator(name=printable(by or getpass.getuser()), token=token or None)


def _line(result: Result) -> Text:
    return Text.assemble((result.letter_id, "bold"), ": ", printable(result.said))


def _confirmed(stack: Path | None, which: Which, *, yes: bool) -> list[str]:
    async def waiting(office: Office) -> list[Found]:
        return await _find(office, which, everything=False)

    found = _run(stack, waiting)
    if not found:
        _out.print("no dead letters match")
        return []
    _out.print(as_table(found))
    if not yes and not typer.confirm(f"replay these {len(found)}?"):
        raise typer.Exit(1)
    return [letter.id for letter, _ in found]


def _which(service: str | None, code: str | None, topic: str | None, since: str | None) -> Which:
    if service is not None and service not in SERVICES:
        raise BadArgument(f"{service!r} is no service; those are {', '.join(SERVICES)}")
    moment = None if since is None else read_since(since, datetime.now(UTC))
    return Which(service=service, code=code, topic=topic, since=moment)


def _run(stack: Path | None, do: Callable[[Office], Coroutine[Any, Any, T]]) -> T:
    async def work() -> T:
        async with opened(kafka_of(stack), mongo_of(stack)) as office:
            return await do(office)

    # What the drivers say of a server that is away, the error says in one line.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    return asyncio.run(work())


@contextmanager
def _errors() -> Generator[None]:
    """Errors end the program with one line that says what to do."""
    try:
        yield
    except (BadArgument, StackUnknown) as error:
        _fail(str(error))
    except BusUnavailable as error:
        _fail(f"Kafka doesn't answer as it should ({error}): does it run (`make status`), and may `operator` sign in?")
    except DocumentsUnavailable as error:
        _fail(f"the document store doesn't answer ({error}): does it run (`make status`)?")
    except PyMongoError as error:
        _fail(f"the document store refuses ({error}): is MLP_MONGO_URL right?")
    except PlatformError as error:
        _fail(f"{error.code}: {error}; the same command goes on where this one was")


def _fail(message: str) -> None:
    _err.print(Text.assemble(("error: ", "red"), printable(message)), soft_wrap=True)
    raise typer.Exit(1)
