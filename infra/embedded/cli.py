"""`python -m infra.embedded`: the embedded stack of this checkout."""

import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from infra.embedded.console import ConsoleReport
from infra.embedded.errors import StackError
from infra.embedded.folder import told
from infra.embedded.layout import CHECKOUT
from infra.embedded.logtail import follow as followed
from infra.embedded.logtail import last_lines
from infra.embedded.probing import READY
from infra.embedded.stack import ALL_SERVICES, Stack
from infra.embedded.status import LEFT_OVER, table

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__, pretty_exceptions_show_locals=False)
_out = Console()
_err = Console(stderr=True)

_Data = Annotated[Path, typer.Option("--data", help="Folder for data, logs and stack.json.", envvar="MLP_RUN_FOLDER")]
_DATA = CHECKOUT / ".run"


@contextmanager
def _stack(data: Path) -> Generator[Stack]:
    """The stack, told about on the terminal; its errors end the program with one line."""
    try:
        with ConsoleReport(_out) as report:
            yield Stack(data, report=report)
    except StackError as error:
        _err.print(f"[red]error:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        raise typer.Exit(1) from error
    except KeyboardInterrupt as interrupt:
        _err.print(str(interrupt) or "interrupted")
        raise typer.Exit(130) from interrupt


@app.command()
def up(
    data: _Data = _DATA,
    *,
    servers_only: Annotated[bool, typer.Option("--servers-only", help="Leave the services out.")] = False,
) -> None:
    """Start what isn't running, and return when all of it is ready."""
    begun = time.monotonic()
    with _stack(data) as stack:
        stack.up(services=() if servers_only else ALL_SERVICES)
        where = escape(str(stack.layout.stack_file))
    _out.print(f"ready in {time.monotonic() - begun:.1f} s; how to reach it: {where}", highlight=False, soft_wrap=True)


@app.command()
def down(data: _Data = _DATA) -> None:
    """Stop all of it; data stays."""
    with _stack(data) as stack:
        stack.down()
    _out.print("nothing runs")


@app.command()
def restart(
    name: Annotated[str, typer.Argument(help="A server, a service, or one instance, such as registry-2.")],
    data: _Data = _DATA,
) -> None:
    """Restart a part; a service's instances one after another, each when the one before is ready again."""
    begun = time.monotonic()
    with _stack(data) as stack:
        stack.restart(name)
    _out.print(f"ready again in {time.monotonic() - begun:.1f} s", highlight=False)


@app.command()
def clean(data: _Data = _DATA) -> None:
    """Stop all of it and delete what it has made, without asking; what no stack made stays and is named."""
    with _stack(data) as stack:
        left = stack.clean()
    _out.print(escape(told(data, left)), highlight=False, soft_wrap=True)


@app.command()
def status(data: _Data = _DATA) -> None:
    """Show what runs, where, how much memory it takes, and whether it answers; exit code 1 if not all of it does."""
    with _stack(data) as stack:
        found = stack.status()
    if not found:
        _out.print("nothing runs; `make up` starts it")
        raise typer.Exit(1)
    _out.print(table(found), soft_wrap=True)
    if any(row.state == LEFT_OVER for row in found):
        _out.print("the supervisor is gone; `make up` or `make down` cleans up")
        raise typer.Exit(1)
    missing = [row for row in found if row.answer != READY]
    for row in missing:
        _out.print(f"{row.name} is not ready: {escape(row.answer)}", highlight=False, soft_wrap=True)
    if missing:
        raise typer.Exit(1)


@app.command()
def logs(
    name: Annotated[str, typer.Argument(help="A part, such as kafka; all of them if left out.")] = "",
    data: _Data = _DATA,
    *,
    lines: Annotated[int, typer.Option("--lines", "-n", help="How many of each part.")] = 20,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as they are written; Ctrl-C ends it.")] = False,
) -> None:
    """Print the last lines of every part's log, or of one."""
    found = {path.stem: path for path in sorted((data / "logs").glob("*.log"))}
    chosen = {part: path for part, path in found.items() if name in {"", part}}
    if not chosen:
        known = ", ".join(found) or "no part yet; `make up` starts them"
        _err.print(f"[red]error:[/] no log of {name or 'anything'}; there are logs of {known}", soft_wrap=True)
        raise typer.Exit(1)
    for part, path in chosen.items():
        for line in last_lines(path, lines):
            _print_line(part, line)
    if follow:
        with suppress(KeyboardInterrupt):
            for part, line in followed(chosen):
                _print_line(part, line)


def _print_line(part: str, line: str) -> None:
    _out.print(f"[cyan]{part:<11}[/] {escape(line)}", highlight=False, soft_wrap=True)
