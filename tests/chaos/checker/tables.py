"""The tables hold each point that was observed, and each execution that ended, once."""

from collections import Counter
from collections.abc import Iterator
from itertools import chain

from tests.chaos.checker.violation import Violation
from tests.chaos.history import History

_TABLES = ("metrics", "timeseries_data", "rejected_points")


def hold_what_was_observed(history: History) -> Iterator[Violation]:
    """A row for each point of each accepted observation, and no row besides."""
    refused = {each.data.get("request_id") for each in history.distinct(".metric.refusals")}
    observed: dict[tuple[str, str, int], float] = {}
    for each in history.distinct(".metric.observations", ".execution.observations"):
        if each.identity[1] not in refused:
            points = enumerate(each.data.get("points", ()))
            observed |= {(*each.identity, number): float(point["value"]) for number, point in points}
    rows = list(chain.from_iterable(history.rows.get(table, ()) for table in _TABLES))
    stored = Counter((str(row["source"]), str(row["event_id"]), int(row["point_no"])) for row in rows)
    values = {(str(row["source"]), str(row["event_id"]), int(row["point_no"])): row["value"] for row in rows}
    for key in observed.keys() - stored.keys():
        yield Violation("point lost", f"{key}", "observed and in no table")
    for key in stored.keys() - observed.keys():
        yield Violation("point nobody observed", f"{key}", "a row without an observation")
    for key, times in stored.items():
        if times > 1:
            yield Violation("point doubled", f"{key}", f"{times} rows")
        elif key in observed and values[key] != observed[key]:
            yield Violation("point changed", f"{key}", f"{values[key]} instead of {observed[key]}")


def hold_each_execution_once(history: History) -> Iterator[Violation]:
    """A row for each end, with the same status, and no row besides."""
    ended = {each.subject: each for each in history.facts("ExecutionFinished")}
    rows = history.rows.get("executions", ())
    stored = Counter(str(row["execution_id"]) for row in rows)
    statuses = {str(row["execution_id"]): row["status"] for row in rows}
    for which in ended.keys() ^ stored.keys():
        fact = (ended[which],) if which in ended else ()
        yield Violation("execution lost in the tables", which, "a fact or a row without the other", fact)
    for which in ended.keys() & stored.keys():
        if stored[which] > 1:
            yield Violation("execution doubled", which, f"{stored[which]} rows", (ended[which],))
        elif statuses[which] != ended[which].data.get("status"):
            yield Violation("execution changed", which, f"{statuses[which]} in the table", (ended[which],))
