"""This service's own figures. Rows, seconds and bytes are those of attempts that succeeded."""

import math
from collections.abc import Mapping
from typing import Final

from prometheus_client import Counter, Gauge

from services.executor.domain.ending import Ending, Failed, Interrupted, Succeeded, TimedOut

ATTEMPTS = Counter(
    "mlp_executor_attempts_total",
    "Attempts that ended here, by ending (succeeded, failed, timed_out, interrupted) and the failure's code.",
    ["ending", "code"],
)
RUNNING = Gauge("mlp_executor_running_attempts", "Attempts that this process runs.")
QUEUED = Gauge("mlp_executor_queued_executions", "Executions that wait, for whichever executor.")
ROWS = Counter("mlp_executor_rows_total", "Rows, by what became of them (scored, rejected).", ["outcome"])
SECONDS = Counter("mlp_executor_work_seconds_total", "Tasks' work, by phase (load, read, score, write).", ["phase"])
BYTES = Counter("mlp_executor_bytes_total", "Bytes of inputs and results, by direction (read, written).", ["direction"])

_NAMES: Final[Mapping[type[Ending], str]] = {
    Succeeded: "succeeded",
    Failed: "failed",
    TimedOut: "timed_out",
    Interrupted: "interrupted",
}
_PHASES: Final = ("load", "read", "score", "write")
_DIRECTIONS: Final = ("read", "written")


def count(ending: Ending) -> None:
    """An attempt's ending has been written."""
    ATTEMPTS.labels(_NAMES[type(ending)], ending.code if isinstance(ending, Failed) else "").inc()
    if not isinstance(ending, Succeeded):
        return
    # A counter takes nothing that isn't a number, and is spoilt for good by one that is none.
    figures = {name: value for name, value in ending.metrics.items() if 0 <= value < math.inf}
    ROWS.labels("scored").inc(ending.rows_out)
    ROWS.labels("rejected").inc(ending.rows_rejected)
    for phase in _PHASES:
        SECONDS.labels(phase).inc(figures.get(f"{phase}_s", 0))
    for direction in _DIRECTIONS:
        BYTES.labels(direction).inc(figures.get(f"bytes_{direction}", 0))
