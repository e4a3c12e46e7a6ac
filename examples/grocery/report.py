"""What happened, for the person at the terminal."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import plotext
from rich.console import Console
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from examples.grocery.bus import Bus
from examples.grocery.errors import RefusalError
from examples.grocery.events import Message
from examples.grocery.job import MATCHED, Run, Track
from examples.grocery.results import NAIVE_NAME, Errors

_NARROWEST = 120
_WIDEST_CHART, _CHART_LINES = 110, 18
_PLAIN_MARKERS = ("*", "b", "n")  # without colours, lines differ by what they are drawn with


@dataclass(frozen=True)
class Summary:
    """What was counted since the demo began."""

    rows: int
    points: int
    events: int
    dead_letters: int

    def line(self) -> str:
        verdict = "ok" if self.dead_letters == 0 else "failed"
        return (
            f"demo: {verdict}: {self.rows} rows scored, {self.points} metric points, "
            f"{self.events} events, {self.dead_letters} dead letters"
        )


def open_console() -> Console:
    """As wide as the terminal; a file or a pipe has no width of its own."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=_NARROWEST)


def show_versions(console: Console, tracks: Sequence[Track]) -> None:
    table = _table("model", "format", "version", "deployment", "revision")
    for track in tracks:
        known = " (known)" if track.registered.type == MATCHED else " (new)"
        table.add_row(
            track.recipe.model_id,
            track.recipe.format,
            f"{track.registered.data['version']}{known}",
            track.activated.subject,
            str(track.activated.data["revision"]),
        )
    console.print(table)
    for track in tracks:
        console.print(f"  {track.recipe.model_id}: sha256 [cyan]{track.sha256}[/]", soft_wrap=True)


def show_runs(console: Console, runs: Sequence[Run], points: dict[str, int]) -> None:
    table = _table("execution", "rows", "rejected", "waited", "took", "rows/s", "metric points", right_from=1)
    for run in runs:
        data = run.finished.data
        table.add_row(
            f"{run.name}\n[dim]{run.finished.subject}[/]",
            f"{data['rows_out']:,}",
            f"{data['rows_rejected']:,}",
            f"{data['queue_s']:.1f} s",
            f"{data['duration_s']:.1f} s",
            f"{data['rows_out'] / max(data['duration_s'], 1e-9):,.0f}",
            str(points[run.finished.subject]),
        )
    console.print(table)
    for run in runs:
        console.print(f"  results: [cyan]{run.finished.data['output']['manifest_uri']}[/]", soft_wrap=True)


def show_errors(console: Console, errors: dict[str, Errors]) -> None:
    """One line a forecast; in brackets, the change against the naive one."""
    table = _table(
        "forecast against true sales", "RMSE, units", "MAE, units", "WAPE", "WAPE by store and department", right_from=1
    )
    naive = errors[NAIVE_NAME]
    for name, error in errors.items():
        table.add_row(
            name,
            *(
                _against(value, reference, style)
                for value, reference, style in (
                    (error.rmse, naive.rmse, ".3f"),
                    (error.mae, naive.mae, ".3f"),
                    (error.wape, naive.wape, ".1%"),
                    (error.planning_wape, naive.planning_wape, ".1%"),
                )
            ),
        )
    console.print(table)


def show_chart(console: Console, joined: pd.DataFrame, names: Sequence[str]) -> None:
    """Units of all stores in each week, true and predicted; `names` are columns of `joined`."""
    weekly = joined.groupby("week")[["units", *names]].sum()
    plotext.clear_figure()
    plotext.limit_size(False, False)  # ours is the console's, not what plotext finds
    plotext.theme("pro" if console.is_terminal else "clear")
    plotext.plot_size(min(console.width, _WIDEST_CHART), _CHART_LINES)
    plotext.title("units a week, all stores")
    labels = {"units": "true sales", **{name: name for name in names}}
    for (column, label), plain_marker in zip(labels.items(), _PLAIN_MARKERS, strict=False):
        marker = "braille" if console.is_terminal else plain_marker
        plotext.plot(weekly.index.tolist(), weekly[column].tolist(), label=label, marker=marker)
    plotext.xticks(weekly.index.tolist())
    console.print(Text.from_ansi(plotext.build()))


def show_chain(console: Console, bus: Bus, root: Message) -> None:
    """Every event with the correlation id of `root`, each under the one that caused it, with its `ce_id`."""
    chain = [root, *(each for each in (*bus.sent, *bus.facts) if each.correlation_id == root.id and each.id != root.id)]
    tree = Tree(_event(root))
    branches = {root.id: tree}
    for message in sorted(chain[1:], key=lambda each: (each.time, each.sequence or 0)):
        branches[message.id] = branches.get(message.causation_id or "", tree).add(_event(message))
    console.print(tree, no_wrap=True, overflow="ignore", crop=False)


def show_refusal(console: Console, refusal: RefusalError) -> None:
    if refusal.violations:
        table = _table("field", "what is wrong")
        for field, message in refusal.violations:
            table.add_row(field, message)
        console.print(table)


def _event(message: Message) -> str:
    number = "" if message.sequence is None else f" #{message.sequence}"
    if message.type.endswith("Requested"):
        return f"[cyan]{message.type}[/] {message.subject} [dim]{message.id}[/]"
    return f"[green]{message.type}[/]{number} [dim]{message.id}[/]"


def _against(value: float, reference: float, style: str) -> str:
    change = "" if value == reference else f" [dim]({value / reference - 1:+.0%})[/]"
    return f"{value:{style}}{change}"


def _table(*columns: str, right_from: int | None = None) -> Table:
    table = Table(box=None, padding=(0, 2), header_style="bold")
    for number, column in enumerate(columns):
        right = right_from is not None and number >= right_from
        table.add_column(column, justify="right" if right else "left", overflow="fold")
    return table
