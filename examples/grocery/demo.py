"""The demo from beginning to end."""

import asyncio
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import pandas as pd
from rich.console import Console

from examples.grocery import job, report
from examples.grocery.bars import bars
from examples.grocery.bus import Bus
from examples.grocery.events import Message
from examples.grocery.objects import Buckets
from examples.grocery.prepare import Prepared, prepare
from examples.grocery.results import NAIVE_NAME, Errors, errors_of, read_predictions, read_truth, with_prediction
from examples.grocery.stack import Stack, read_stack
from examples.grocery.watch import dead_letters, metric_points


def run_demo(run_folder: Path, console: Console) -> report.Summary:
    """Raises DemoError, in words for the user."""
    stack = read_stack(run_folder / "stack.json")
    stack.check_ready()
    with _step(console, "Rows to score made, two models trained"):
        prepared = prepare(run_folder / "demo")
    return asyncio.run(_use_platform(stack, prepared, console))


async def _use_platform(stack: Stack, prepared: Prepared, console: Console) -> report.Summary:
    dead_before = await dead_letters(stack.kafka)
    async with Bus(stack.kafka) as bus:
        dataset, runs = await _score(bus, stack, prepared, console)
        points = await metric_points(stack.postgres_dsn, [run.finished for run in runs])
        await _show_outcome(console, stack, prepared, runs, points)
        console.rule("The chain of events", align="left")
        report.show_chain(console, bus, dataset)
        events = len(bus.facts)
    return report.Summary(
        rows=sum(run.finished.data["rows_out"] for run in runs),
        points=sum(points.values()),
        events=events,
        dead_letters=await dead_letters(stack.kafka) - dead_before,
    )


async def _score(bus: Bus, stack: Stack, prepared: Prepared, console: Console) -> tuple[Message, list[job.Run]]:
    with _step(console, "Artifacts and data to the object store"):
        await job.upload(Buckets(stack.objects), prepared)
    with _step(console, "Data set registered"):
        dataset = await job.register_dataset(bus)
    with _step(console, "Models registered and deployed"):
        tracks = await job.register_and_deploy(bus, prepared, dataset)
    report.show_versions(console, tracks)
    names = [(track.activated.subject, track.recipe.name) for track in tracks]
    with bars(console, names, rows=dataset.data["rows"]) as listener:
        runs = await job.execute(bus, tracks, listener)
    return bus.sent[0], runs


async def _show_outcome(
    console: Console, stack: Stack, prepared: Prepared, runs: Sequence[job.Run], points: dict[str, int]
) -> None:
    with _step(console, "Results read back through their manifests and joined with the true sales"):
        joined, errors = await _compare(Buckets(stack.objects), prepared, runs)
    report.show_runs(console, runs, points)
    report.show_errors(console, errors)
    report.show_chart(console, joined, [run.name for run in runs])


async def _compare(
    buckets: Buckets, prepared: Prepared, runs: Sequence[job.Run]
) -> tuple[pd.DataFrame, dict[str, Errors]]:
    joined = read_truth(prepared.truth)
    for run in runs:
        joined = with_prediction(joined, await read_predictions(buckets, run.finished.data["output"]), run.name)
    forecasts = {NAIVE_NAME: "naive", **{run.name: run.name for run in runs}}
    return joined, {label: errors_of(joined, column) for label, column in forecasts.items()}


@contextmanager
def _step(console: Console, what: str) -> Generator[None]:
    began = monotonic()
    with console.status(f"{what} …"):
        yield
    console.print(f"[green]✓[/] {what} [dim]{monotonic() - began:.1f} s[/]")
