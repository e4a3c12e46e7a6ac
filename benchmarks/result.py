"""What a benchmark found, for eyes and for files."""

import json
import os
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.table import Table

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Row:
    """One figure, its ratio to a peer or limit of the same run, and how far it may be off where that is known."""

    name: str
    value: float
    unit: str
    ratio: float | None = None
    of: str | None = None
    error: float | None = None


@dataclass(frozen=True)
class Result:
    """A benchmark's figures, the conditions they were taken under, and what was sampled on the way."""

    name: str
    title: str
    rows: list[Row]
    conditions: Mapping[str, str | int | float] = field(default_factory=dict)
    series: Mapping[str, list[float]] = field(default_factory=dict)

    def table(self) -> Table:
        table = Table(title=self.title, title_justify="left")
        table.add_column("figure")
        table.add_column("value", justify="right")
        table.add_column("ratio")
        for row in self.rows:
            ratio = f"{row.ratio:.2f} × {row.of}" if row.ratio is not None else ""
            error = f" ± {row.error:,.1f}" if row.error is not None else ""
            table.add_row(row.name, f"{row.value:,.1f}{error} {row.unit}", ratio)
        return table


def last(name: str) -> dict[str, Any]:
    """What a benchmark found the last time."""
    return json.loads((RESULTS / f"{name}.json").read_text())


def write(result: Result) -> None:
    """Keep the figures beside the code that they were taken of."""
    RESULTS.mkdir(exist_ok=True)
    taken = {
        "taken_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpus": os.cpu_count(),
        "python": platform.python_version(),
    }
    text = json.dumps({**taken, **asdict(result)}, indent=2, ensure_ascii=False)
    (RESULTS / f"{result.name}.json").write_text(text + "\n")
