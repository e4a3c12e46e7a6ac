"""The checker is silent on a clean history and names what was done to a spoiled one."""

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.chaos.checker import RULES, check
from tests.chaos.history import History, Position, Progress, Record, StoredObject
from tests.chaos.told import EXECUTION, healthy

Spoil = Callable[[History], History]


def named(history: History, name: str, *, nth: int = 0) -> Record:
    return [each for each in history.records if each.name == name][nth]


def without(name: str, *, nth: int = 0) -> Spoil:
    """The history less one event."""

    def spoil(history: History) -> History:
        gone = named(history, name, nth=nth)
        return replace(history, records=[each for each in history.records if each is not gone])

    return spoil


def again(name: str, *, ce_id: str | None = None, **changes: Any) -> Spoil:
    """One event said once more: the same, or with another id, or with other content."""

    def spoil(history: History) -> History:
        first = named(history, name)
        last = max(each.position.offset for each in history.records if each.topic == first.topic)
        headers = dict(first.headers) | ({"ce_id": ce_id.encode()} if ce_id else {})
        value = json.dumps({**first.data, **changes}).encode() if changes else first.value
        where = replace(first.position, offset=last + 1)
        repeat = Record(where, 0, first.key, value, tuple(headers.items()))
        return replace(history, records=[*history.records, repeat])

    return spoil


def histogram(*, attempt: int, times: int = 1) -> Spoil:
    """An execution's histogram, each time as an event of its own."""

    def spoil(history: History) -> History:
        [figures] = [each for each in history.records if each.topic == "ml.execution.observations"]
        points = [{"metric": "input_histogram", "value": 4.0, "labels": {"column": "f0", "bin": "1"}}]
        value = json.dumps({**figures.data, "attempt": attempt, "points": points}).encode()
        added: list[Record] = []
        for number in range(1, times + 1):
            headers = tuple((dict(figures.headers) | {"ce_id": f"h{number}".encode()}).items())
            where = replace(figures.position, offset=figures.position.offset + number)
            added.append(Record(where, 0, figures.key, value, headers))
        return replace(history, records=[*history.records, *added])

    return spoil


def saying(name: str, **changes: Any) -> Spoil:
    """One event with other content."""

    def spoil(history: History) -> History:
        first = named(history, name)
        other = replace(first, value=json.dumps({**first.data, **changes}).encode())
        return replace(history, records=[other if each is first else each for each in history.records])

    return spoil


def numbered(name: str, sequence: int) -> Spoil:
    def spoil(history: History) -> History:
        first = named(history, name)
        headers = tuple((dict(first.headers) | {"ce_sequence": str(sequence).encode()}).items())
        return replace(history, records=[replace(e, headers=headers) if e is first else e for e in history.records])

    return spoil


def documents(database: str, collection: str, *found: dict[str, Any]) -> Spoil:
    def spoil(history: History) -> History:
        kept = {name: dict(each) for name, each in history.documents.items()}
        kept[database][collection] = found
        return replace(history, documents=kept)

    return spoil


def rows(table: str, change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> Spoil:
    def spoil(history: History) -> History:
        return replace(history, rows={**history.rows, table: change(list(history.rows[table]))})

    return spoil


def objects(ending: str, found: StoredObject | None) -> Spoil:
    """One object replaced, or gone."""

    def spoil(history: History) -> History:
        kept = {uri: each for uri, each in history.objects.items() if not uri.endswith(ending)}
        changed = {uri: found for uri in history.objects if uri.endswith(ending) and found is not None}
        return replace(history, objects=kept | changed)

    return spoil


def sent(**changes: Any) -> Spoil:
    """The sender remembers its first message otherwise."""

    def spoil(history: History) -> History:
        return replace(history, sent=[replace(history.sent[0], **changes), *history.sent[1:]])

    return spoil


def letters(change: Callable[[Record], list[Record]]) -> Spoil:
    def spoil(history: History) -> History:
        kept = [each for each in history.records if not each.topic.endswith(".dlq")]
        found = [each for each in history.records if each.topic.endswith(".dlq")]
        return replace(history, records=[*kept, *(other for each in found for other in change(each))])

    return spoil


def buried_without_need(letter: Record) -> list[Record]:
    headers = tuple((dict(letter.headers) | {"dlq-original-offset": b"0"}).items())
    return [letter, replace(letter, position=replace(letter.position, offset=1), headers=headers)]


SPOILED: list[tuple[str, Spoil]] = [
    ("lost by the bus", sent(positions=(Position("ml.model.requests", 0, 99),))),
    ("lost by the bus", sent(request_id="r0")),
    ("not answered", without("DatasetRegistered")),
    ("not answered", without("RequestRejected")),
    ("answered twice", again("DatasetRegistered", ce_id="other")),
    ("answered twice", again("RequestRejected", ce_id="other")),
    ("answered twice", again("RequestRejected", ce_id="other", request_id="r1")),
    ("wrong answer", sent(expects=("ModelRegistrationMatched",))),
    ("wrong answer", saying("RequestRejected", code="internal")),
    ("out of order", numbered("ModelUpdated", 3)),
    ("out of order", numbered("ModelUpdated", 1)),
    ("out of order", without("ExecutionStarted")),
    ("two in one", again("ModelRegistered", version=2)),
    ("versions don't count up", saying("ModelRegistered", version=2)),
    ("revisions don't count up", saying("DeploymentActivated", revision=2)),
    ("revisions don't count up", again("DeploymentActivated", ce_id="other")),
    ("version lost", documents("registry", "model_versions")),
    ("version nobody announced", documents("registry", "model_versions", {"_id": "m1/1"}, {"_id": "m1/2"})),
    ("version of another event", documents("registry", "model_versions", {"_id": "m1/1", "event_id": "other"})),
    ("artifact lost", objects("m.onnx", None)),
    ("artifact changed", objects("m.onnx", StoredObject(3, "b"))),
    ("ended other than once", without("ExecutionFinished")),
    ("ended other than once", again("ExecutionFinished", ce_id="other")),
    ("queued other than once", without("ExecutionQueued")),
    ("goes on after its end", again("ExecutionStarted", ce_id="other", attempt=3)),
    ("attempt of two owners", again("ExecutionStarted", ce_id="other")),
    ("end of a lost attempt", saying("ExecutionFinished", attempt=1)),
    ("figures of a lost attempt", again("MetricsObserved", ce_id="other", execution_id=EXECUTION, attempt=1)),
    ("figures of a lost attempt", histogram(attempt=1)),
    ("figures of a lost attempt", histogram(attempt=2, times=2)),
    ("told otherwise", documents("executor", "executions", {"_id": EXECUTION, "state": "running"})),
    ("told otherwise", documents("executor", "executions", {"_id": "other", "state": "failed"})),
    ("output of a failure", saying("ExecutionFinished", status="failed")),
    ("success without output", saying("ExecutionFinished", output=None)),
    ("manifest untrue", objects("manifest.json", None)),
    ("manifest untrue", objects("manifest.json", StoredObject(1, "m", b"{}"))),
    ("manifest untrue", objects("attempt-2/part-1.parquet", None)),
    ("manifest untrue", objects("rejected/part-1.parquet", StoredObject(2, "other"))),
    ("manifest untrue", saying("ExecutionFinished", rows_out=5)),
    ("manifest untrue", saying("ExecutionFinished", attempt=1)),
    ("point lost", rows("metrics", lambda found: found[1:])),
    ("point doubled", rows("metrics", lambda found: [*found, found[0]])),
    ("point changed", rows("metrics", lambda found: [{**found[0], "value": 1.0}, *found[1:]])),
    ("point nobody observed", rows("metrics", lambda found: [*found, {**found[0], "event_id": "other"}])),
    ("execution lost in the tables", rows("executions", lambda _: [])),
    ("execution doubled", rows("executions", lambda found: found * 2)),
    ("execution changed", rows("executions", lambda found: [{**found[0], "status": "failed"}])),
    ("replica behind", documents("executor", "known_models", {"_id": "m1", "_sequence": 1})),
    ("replica behind", documents("deployer", "known_datasets")),
    ("replica lacks a version", documents("executor", "known_model_versions")),
    ("replica lacks a version", documents("deployer", "known_model_versions", {"_id": "m1/1"}, {"_id": "m1/2"})),
    ("outbox not empty", documents("registry", "models", {"_id": "m1", "_outbox": [{"type": "x"}]})),
    ("outbox not empty", documents("executor", "refusals", {"_id": "r", "_outbox": [], "_outbox_since": 1})),
    ("left lying", documents("registry", "registrations", {"_id": "r"})),
    ("left lying", documents("registry", "queues", {"_id": "model/m1"})),
    ("left lying", documents("deployer", "dependencies", {"_id": "after", "reserved": [{"request_key": "r"}]})),
    ("lag", lambda history: replace(history, progress=[Progress("g", "t", 0, 1, 2)])),
    ("given up without need", letters(buried_without_need)),
    ("dead letter lost", letters(lambda _: [])),
    ("dead letter changed", letters(lambda letter: [replace(letter, value=b"\x01")])),
    ("token kept", letters(lambda letter: [replace(letter, headers=(*letter.headers, ("authorization", b"x")))])),
]


def test_a_clean_history_has_no_violations() -> None:
    assert check(healthy()) == []


@pytest.mark.parametrize(
    "repeat", ["ModelRegistered", "ExecutionStarted", "ExecutionFinished", "RequestRejected", "MetricsObserved"]
)
def test_the_same_event_again_is_no_violation(repeat: str) -> None:
    assert check(again(repeat)(healthy())) == []


def test_histograms_of_the_attempt_that_succeeded_are_no_strays() -> None:
    found = check(histogram(attempt=2)(healthy()))
    assert "figures of a lost attempt" not in {violation.rule for violation in found}


@pytest.mark.parametrize(("rule", "spoil"), SPOILED, ids=lambda each: each if isinstance(each, str) else "")
def test_a_broken_promise_is_named_with_what_shows_it(rule: str, spoil: Spoil) -> None:
    assert rule in {violation.rule for violation in check(spoil(copy.deepcopy(healthy())))}


def test_every_rule_is_broken_by_some_history() -> None:
    broken = {rule for _, spoil in SPOILED for rule in RULES if list(rule(spoil(copy.deepcopy(healthy()))))}
    assert broken == set(RULES)


def test_a_violation_shows_its_events() -> None:
    (violation,) = check(again("DatasetRegistered", ce_id="other")(healthy()))[:1]
    assert "ml.dataset.events/0@0 DatasetRegistered #1 of s1" in str(violation)
