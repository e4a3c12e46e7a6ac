"""A run's figures, from those of its splits."""

from collections.abc import Sequence

from chassis.sandbox.child.moments import Moments
from services.executor.scoring.task import SplitResult


def run_metrics(results: Sequence[SplitResult], rows_in: int, elapsed_s: float) -> dict[str, float]:
    """Seconds of work are sums over tasks, which ran side by side; memory is the largest process's."""
    moments, seconds = dict[str, Moments](), dict[str, float]()
    for result in results:
        for name, more in result.moments.items():
            moments.setdefault(name, Moments()).merge(more)
        for name, value in result.seconds.items():
            seconds[name] = seconds.get(name, 0.0) + value
    rate = rows_in / elapsed_s if elapsed_s else 0.0
    return {
        **{name: round(value, 4) for name, value in seconds.items()},
        "elapsed_s": round(elapsed_s, 4),
        "rows_per_s": round(rate, 1),
        "bytes_read": float(sum(result.bytes_read for result in results)),
        "bytes_written": float(sum(part.size_bytes for one in results for part in (*one.parts, *one.rejected))),
        "peak_memory_bytes": float(max((result.peak_memory_bytes for result in results), default=0)),
        "splits": float(len(results)),
        "tasks_retried": float(sum(result.attempt > 1 for result in results)),
        **{key: value for name, one in moments.items() for key, value in one.metrics(name).items()},
    }
