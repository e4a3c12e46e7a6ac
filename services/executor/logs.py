"""Show an execution's log: time, source, text. With --follow it goes on until the execution has ended.

The log is that of the last attempt; or give a log's own address, `s3://results/…/log.jsonl`, of any attempt. The stores
are those of `stack.json` in the run folder (`MLP_RUN_FOLDER`, `.run`), unless MLP_MONGO_… and MLP_S3_… are set.
"""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn

import typer

from chassis.documents.client import Document, connect, translated
from chassis.errors import PlatformError
from chassis.sandbox.output_lines import cleaned
from chassis.settings import MongoSettings
from chassis.stack_file import StackUnknown, mongo_of, s3_of
from services.executor.scoring.errors import ScoringError
from services.executor.scoring.job import output_prefix_of
from services.executor.scoring.objects import RESULTS, Bucket, parse_uri
from services.executor.scoring.runlog import LOG_NAME

_EVERY_S: Final = 1.0
_CHARACTERS: Final = 4_000
_PLACED: Final = ("time", "source", "split", "try", "event", "text")


@dataclass(frozen=True)
class Attempt:
    """Where an attempt's log lies, and whether more may come."""

    uri: str
    ended: bool


class NoLog(Exception):
    """There is nothing to show; the message says why."""


def shown(
    look: Callable[[], Attempt], read: Callable[[str], bytes | None], *, follow: bool, wait: Callable[[], None]
) -> Iterator[str]:
    """The log's lines, for people.

    Args:
        look: the attempt to show; with `follow`, a later one is shown after it.
        read: the log at an address, None if there is none yet.
        follow: go on until an attempt is shown that has ended.
        wait: between two looks.

    Raises:
        NoLog: nothing has been logged.
    """
    uri, seen = "", 0
    while True:
        attempt = look()
        if attempt.uri != uri:
            uri, seen = attempt.uri, 0
            yield attempt.uri
        lines = (read(uri) or b"").splitlines()
        yield from map(_line, lines[seen:])
        seen = max(seen, len(lines))
        if attempt.ended or not follow:
            break
        wait()
    if not seen:
        raise NoLog(f"{uri} isn't there" + ("" if attempt.ended else " yet: it is stored some seconds after the start"))


def _line(raw: bytes) -> str:
    try:
        line: dict[str, Any] = json.loads(raw)
        split = f" {line['split']}" if "split" in line else ""
        said = line.get("text") or " ".join([str(line["event"]), *_fields(line)])
        text = f"{line['time']}  {line['source'] + split:<10}  {said}"
    except (ValueError, KeyError, TypeError):
        text = raw.decode(errors="replace")
    return cleaned(text, _CHARACTERS)


def _fields(line: dict[str, Any]) -> Iterator[str]:
    for name, value in line.items():
        if name not in _PLACED:
            yield f"{name}={value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
    if line.get("try", 1) != 1:
        yield f"try={line['try']}"


async def _execution(settings: MongoSettings, execution_id: str) -> Document | None:
    client = connect(settings)
    try:
        with translated():
            return await client["executor"]["executions"].find_one(
                {"_id": execution_id}, {"attempt": 1, "finished_at": 1, "resolved.deployment_id": 1}
            )
    finally:
        await client.close()


def _looking(given: str, stack: Path | None) -> Callable[[], Attempt]:
    if given.startswith("s3://"):
        return lambda: Attempt(given, ended=False)
    settings = mongo_of(stack)

    def look() -> Attempt:
        found = asyncio.run(_execution(settings, given))
        if found is None:
            raise NoLog(f"there is no execution {given}")
        if not found["attempt"]:
            raise NoLog(f"no attempt of execution {given} has begun")
        prefix = output_prefix_of(found["resolved"]["deployment_id"], given, found["attempt"])
        return Attempt(prefix + LOG_NAME, ended=found.get("finished_at") is not None)

    return look


def show(
    execution: Annotated[str, typer.Argument(help="An execution's id, or a log's address.")],
    stack: Annotated[Path | None, typer.Option("--stack", help="The stack's file.")] = None,
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the execution has ended.")] = False,
) -> None:
    """Print the log."""
    try:
        results = Bucket(s3_of(stack), RESULTS)

        def read(uri: str) -> bytes | None:
            key = parse_uri(uri, bucket=RESULTS)
            return bytes(results.get(key)) if results.head(key) else None

        for line in shown(_looking(execution, stack), read, follow=follow, wait=lambda: time.sleep(_EVERY_S)):
            typer.echo(line)
    except (NoLog, StackUnknown, ScoringError, PlatformError) as error:
        _fail(str(error))


def _fail(message: str) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(1)


app = typer.Typer(add_completion=False, help=__doc__, pretty_exceptions_show_locals=False)
app.command(help=__doc__)(show)

if __name__ == "__main__":
    app(prog_name="python -m services.executor.logs")
