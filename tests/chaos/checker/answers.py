"""Every request is kept by the bus and has exactly one answer, and a right one."""

from collections import defaultdict
from collections.abc import Iterator

from schemas.catalogue import CATALOGUE
from schemas.event import Kind
from tests.chaos.checker.violation import Violation
from tests.chaos.history import History, Record

_BESIDE = {"ModelRegistrationRequested": "ModelUpdated"}
"""What may go out beside an answer, with the same request's id, by the request."""


def kept_by_the_bus(history: History) -> Iterator[Violation]:
    """What the bus acknowledged is there, as it was sent."""
    there = {each.position: each for each in history.records}
    for sent in history.sent:
        for position in sent.positions:
            found = there.get(position)
            if found is None:
                yield Violation("lost by the bus", str(sent), f"acknowledged at {position} and not there")
            elif not sent.is_broken and found.identity != sent.identity:
                yield Violation("lost by the bus", str(sent), f"something else stands at {position}", (found,))


def answered_once(history: History) -> Iterator[Violation]:
    """Every readable request on the bus has one distinct answer, delivered as often as it likes."""
    answers = _answers(history)
    for request in _requests(history):
        found = [each for each in answers[request.identity[1]] if each.name != _BESIDE.get(request.name)]
        if _is_observation(request):
            if len(found) > 1:
                yield Violation("answered twice", str(request), f"{len(found)} refusals", (request, *found))
        elif len(found) != 1:
            rule = "answered twice" if found else "not answered"
            yield Violation(rule, str(request), f"{len(found)} distinct answers", (request, *found))


def answered_rightly(history: History) -> Iterator[Violation]:
    """The answer is one of those that the sender's own knowledge allows."""
    answers = _answers(history)
    for sent in history.sent:
        found = [each for each in answers[sent.request_id] if each.name != _BESIDE.get(sent.kind)]
        for each in found:
            said = each.data.get("code", "?") if each.name == "RequestRejected" else each.name
            if said not in sent.expects:
                wanted = " or ".join(sent.expects) or "no answer"
                yield Violation("wrong answer", str(sent), f"{said} instead of {wanted}", (each,))


def _answers(history: History) -> defaultdict[str, list[Record]]:
    found: defaultdict[str, list[Record]] = defaultdict(list)
    for each in history.distinct(".events", ".refusals"):
        # The end of an execution only repeats the request that was answered long before.
        if each.name != "ExecutionFinished" and "request_id" in each.data:
            found[str(each.data["request_id"])].append(each)
    return found


def _requests(history: History) -> list[Record]:
    found = history.distinct(".requests", ".metric.observations")
    return [each for each in found if each.position not in history.broken and _is_readable(each)]


def _is_readable(record: Record) -> bool:
    return all(record.identity) and record.attributes.get("ce_type") in CATALOGUE and bool(record.data)


def _is_observation(record: Record) -> bool:
    return CATALOGUE[record.attributes["ce_type"]].kind is Kind.OBSERVATION
