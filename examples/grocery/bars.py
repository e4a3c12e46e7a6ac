"""A progress bar for each execution, moved by what the platform says on the bus."""

from collections.abc import Generator, Iterable
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from examples.grocery.events import Message


class Bars:
    """Knows an execution by its deployment, which only `ExecutionQueued` tells."""

    def __init__(self, progress: Progress, names: dict[str, str], rows: int) -> None:
        """`names` by deployment id; `rows` that each execution has to score."""
        self._progress = progress
        self._by_deployment = {
            deployment: progress.add_task(name, total=rows, state="requested", start=False)
            for deployment, name in names.items()
        }
        self._by_execution: dict[str, TaskID] = {}

    def __call__(self, message: Message) -> None:
        if message.type == "ExecutionQueued" and message.data["deployment_id"] in self._by_deployment:
            self._by_execution[message.subject] = self._by_deployment[message.data["deployment_id"]]
        bar = self._by_execution.get(message.subject)
        if bar is not None:
            self._move(bar, message)

    def _move(self, bar: TaskID, message: Message) -> None:
        match message.type:
            case "ExecutionQueued":
                self._progress.update(bar, state="queued")
            case "ExecutionStarted":
                self._progress.start_task(bar)
                self._progress.update(bar, state=f"attempt {message.data['attempt']}")
            case "ExecutionProgressed":
                splits = f"split {message.data['splits_done']} of {message.data['splits_total']}"
                self._progress.update(bar, completed=message.data["rows_done"], state=splits)
            case "ExecutionFinished":
                self._progress.update(bar, completed=message.data["rows_out"], state=message.data["status"])
                self._progress.stop_task(bar)
            case _:
                pass


@contextmanager
def bars(console: Console, names: Iterable[tuple[str, str]], *, rows: int) -> Generator[Bars]:
    columns = (
        TextColumn("  {task.description:<32}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[state]}"),
    )
    with Progress(*columns, console=console) as progress:
        yield Bars(progress, dict(names), rows)
