"""`python -m infra.embedded`: the embedded stack of this checkout."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from infra.embedded.console import ConsoleReport
from infra.embedded.errors import StackError
from infra.embedded.layout import CHECKOUT
from infra.embedded.stack import ALL_SERVICES, Stack

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__, pretty_exceptions_show_locals=False)
_out = Console()
_err = Console(stderr=True)

_Data = Annotated[Path, typer.Option("--data", help="Folder for data, logs and stack.json.", envvar="MLP_RUN_FOLDER")]
_DATA = CHECKOUT / ".run"


@contextmanager
def _stack(data: Path) -> Iterator[Stack]:
    """The stack, told about on the terminal; its errors end the program with one line."""
    try:
        with ConsoleReport(_out) as report:
            yield Stack(data, report=report)
    except StackError as error:
        _err.print(f"[red]error:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        raise typer.Exit(1) from error
    except KeyboardInterrupt as interrupt:
        _err.print("interrupted")
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
def clean(data: _Data = _DATA) -> None:
    """Stop all of it and delete its data, without asking."""
    with _stack(data) as stack:
        stack.clean()
    _out.print(f"deleted {escape(str(data))}", highlight=False, soft_wrap=True)
