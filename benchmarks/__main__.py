"""Runs the benchmarks against the running stack, prints their ratios and writes them down: `make bench`."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

import typer
from rich.console import Console

from benchmarks import latency, memory, recovery, relay, saturation, soak, startup
from benchmarks.result import Result, write
from benchmarks.scoring import benchmark as scoring
from examples.grocery.errors import DemoError
from examples.grocery.stack import read_stack
from infra.embedded.layout import CHECKOUT

Benchmark = Callable[[], Coroutine[Any, Any, Result]]

BENCHMARKS: dict[str, Benchmark] = {
    "latency": latency.run,
    "saturation": saturation.run,
    "relay": relay.run,
    "memory": memory.run,
    "startup": startup.run,
    "recovery": recovery.run,
    "scoring": scoring.run,
    "soak": soak.run,
}
# What takes an hour is run when it is named.
USUAL = [name for name in BENCHMARKS if name != "soak"]

app = typer.Typer(add_completion=False)
console = Console()


@app.command()
def bench(
    names: Annotated[list[str] | None, typer.Argument(help=f"Any of {', '.join(BENCHMARKS)}; all but soak.")] = None,
) -> None:
    """Measure, print, and write benchmarks/results/<name>.json."""
    chosen = names or USUAL
    if unknown := set(chosen) - set(BENCHMARKS):
        raise typer.BadParameter(f"no such benchmark: {', '.join(sorted(unknown))}")
    try:
        read_stack(CHECKOUT / ".run" / "stack.json").check_ready()
        for name in chosen:
            with console.status(f"{name} …"):
                result = asyncio.run(BENCHMARKS[name]())
            console.print(result.table())
            write(result)
    except DemoError as error:
        console.print(f"[red]{error}[/red]", soft_wrap=True)
        sys.exit(1)


if __name__ == "__main__":
    app()
