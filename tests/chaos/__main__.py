"""Hurts a platform of its own while it works, and proves from its whole history that nothing was lost or done twice."""

import logging
import signal
import sys
import time
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from infra.embedded.errors import StackError
from tests.chaos.report import table, write
from tests.chaos.run import Terms, run

app = typer.Typer(add_completion=False, help=__doc__)
_console = Console(width=max(110, Console().width))


@app.command()
def chaos(
    seed: Annotated[int, typer.Option(help="The same seed makes the same load and the same plan of faults.")] = 1,
    requests: Annotated[int, typer.Option(min=1, help="At least so many.")] = 1000,
    minutes: Annotated[float, typer.Option(min=0.1, help="How long requests are sent and faults happen.")] = 12,
    updates_hz: Annotated[float, typer.Option(min=0, help="Updates of models a second beside the requests.")] = 0,
    kills: Annotated[int, typer.Option(min=0, help="How often each process is killed; 0: no faults at all.")] = 5,
) -> None:
    """Print one table; exit code 1 if the history shows a violation, which is printed with its events."""
    # Brokers are killed here: what the client says of that is no news.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    # Told to end, it takes its platform with it as on Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    begun = time.monotonic()

    def say(what: str) -> None:
        _console.print(f"[dim]{time.monotonic() - begun:7.1f} s[/]  {escape(what)}", highlight=False, soft_wrap=True)

    try:
        terms = Terms(seed=seed, requests=requests, minutes=minutes, kills=kills, updates_hz=updates_hz)
        outcome = run(terms, say=say)
    except StackError as error:
        _console.print(f"[red]error:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        sys.exit(2)
    for violation in outcome.violations:
        _console.print(f"[red]{escape(str(violation))}[/]", highlight=False, soft_wrap=True)
    _console.print(table(outcome))
    write(outcome)
    sys.exit(1 if outcome.violations else 0)


if __name__ == "__main__":
    app()
