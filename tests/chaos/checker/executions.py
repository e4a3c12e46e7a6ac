"""Each execution ends once, each attempt has one owner, and only the last attempt shows anything."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from tests.chaos.checker.violation import Violation
from tests.chaos.history import History, Record


def end_once(history: History) -> Iterator[Violation]:
    """One `ExecutionQueued`, one `ExecutionFinished`, and nothing but repeats and matches after that."""
    for which, facts in _by_execution(history).items():
        names = [each.name for each in facts]
        for name, rule in (("ExecutionQueued", "queued"), ("ExecutionFinished", "ended")):
            if names.count(name) != 1:
                yield Violation(f"{rule} other than once", which, f"{names.count(name)} times", tuple(facts))
        if "ExecutionFinished" in names:
            after = facts[names.index("ExecutionFinished") + 1 :]
            late = [each for each in after if each.name != "ExecutionMatched"]
            if late:
                yield Violation("goes on after its end", which, late[0].name, tuple(facts))


def have_one_owner_an_attempt(history: History) -> Iterator[Violation]:
    """Attempts count up from 1: the fence never gives one number to two owners."""
    for which, facts in _by_execution(history).items():
        started = [each for each in facts if each.name == "ExecutionStarted"]
        attempts = [each.data.get("attempt") for each in started]
        if attempts != list(range(1, len(attempts) + 1)):
            yield Violation("attempt of two owners", which, f"attempts {attempts}", tuple(started))


def show_the_last_attempt_alone(history: History) -> Iterator[Violation]:
    """An end names the attempt that began last; figures leave with a success, of that attempt, and once."""
    observed: defaultdict[str, list[Record]] = defaultdict(list)
    for each in history.distinct(".execution.observations"):
        observed[str(each.data.get("execution_id"))].append(each)
    for which, facts in _by_execution(history).items():
        attempts = [each.data.get("attempt") for each in facts if each.name == "ExecutionStarted"]
        for end in (each for each in facts if each.name == "ExecutionFinished"):
            if end.data.get("attempt") != len(attempts):
                yield Violation("end of a lost attempt", which, f"attempt {end.data.get('attempt')}", tuple(facts))
            wanted = [end.data.get("attempt")] if end.data.get("status") == "succeeded" else []
            figures, others = _told_apart(observed.get(which, ()))
            found = [each.data.get("attempt") for each in figures]
            if found != wanted or _are_strays(others, wanted):
                message = f"figures of attempts {found} instead of {wanted}"
                yield Violation("figures of a lost attempt", which, message, (end, *observed.get(which, ())))


def _told_apart(observed: Sequence[Record]) -> tuple[list[Record], list[Record]]:
    """The run's figures, and its histograms, which take as many events as they need."""
    figures = [each for each in observed if any(point["metric"] == "rows_out" for point in each.data.get("points", ()))]
    return figures, [each for each in observed if each not in figures]


def _are_strays(histograms: Sequence[Record], wanted: Sequence[object]) -> bool:
    """Of another attempt, or the same points twice."""
    told = [str(each.data.get("points")) for each in histograms]
    return len(told) != len(set(told)) or any(each.data.get("attempt") not in wanted for each in histograms)


def stored_as_told(history: History) -> Iterator[Violation]:
    """What the store says of an execution is what the last fact says."""
    ends = {each.subject: each for each in history.facts("ExecutionFinished")}
    for document in history.collection("executor", "executions"):
        end = ends.get(str(document["_id"]))
        told = end.data.get("status") if end is not None else None
        if document.get("state") != told:
            message = f"{document.get('state')} in the store, {told} on the bus"
            yield Violation("told otherwise", str(document["_id"]), message, (end,) if end else ())


def _by_execution(history: History) -> dict[str, list[Record]]:
    found: defaultdict[str, list[Record]] = defaultdict(list)
    for each in history.distinct(".execution.events"):
        found[each.subject].append(each)
    return found
