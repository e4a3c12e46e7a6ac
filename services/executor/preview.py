"""Show the first rows of an input: `python -m services.executor.preview s3://datasets/sales/`.

The object store is that of `stack.json` in the run folder (`MLP_RUN_FOLDER`, `.run`), unless MLP_S3_… is set.
"""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from chassis.sandbox.settings import SandboxSettings
from chassis.stack_file import StackUnknown, s3_of
from services.executor.scoring.errors import ScoringError
from services.executor.scoring.listing import SUFFIXES, InputFormat
from services.executor.scoring.preview import preview

app = typer.Typer(add_completion=False, pretty_exceptions_show_locals=False)


@app.command(help=__doc__)
def show(
    uri: Annotated[str, typer.Argument(help="An object or a prefix in the bucket datasets.")],
    data_format: Annotated[
        str, typer.Option("--format", help="parquet or csv; else what the name says, else parquet.")
    ] = "",
    rows: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 10,
    stack: Annotated[Path | None, typer.Option("--stack", help="The stack's file.")] = None,
) -> None:
    """Print them as a table, with the columns' types."""
    try:
        found = preview(s3_of(stack), SandboxSettings(), uri, _format(data_format, uri), rows=rows)
    except (StackUnknown, ScoringError) as error:
        Console(stderr=True).print(f"error: {error}", style="red", soft_wrap=True, highlight=False)
        raise typer.Exit(1) from error
    table = Table(*(f"{escape(name)}\n[dim]{kind}[/dim]" for name, kind in found.columns))
    for row in found.rows:
        table.add_row(*(escape(cell or "") for cell in row))
    Console().print(table)


def _format(said: str, uri: str) -> InputFormat:
    if said in SUFFIXES:
        return said
    if said:
        raise typer.BadParameter(f"{said} is no format: parquet or csv")
    return "csv" if uri.lower().endswith(SUFFIXES["csv"]) else "parquet"


if __name__ == "__main__":
    app()
