"""SIGTERM under load: what was answered is committed, what is committed is answered, and the process is gone."""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import pytest

from infra.embedded.services import SERVICES
from infra.embedded.supervision import ProcessInfo, Supervisor
from tests.chaos.checker import check
from tests.chaos.collecting import collect, kafka_client, read_progress
from tests.chaos.history import History, Identity, Position, Record
from tests.chaos.load import tell_stories
from tests.chaos.platform import Platform, await_true, running
from tests.chaos.run import come_to_rest
from tests.chaos.sender import Sender

_TOPICS: Final[Mapping[str, Sequence[str]]] = {
    "registry": ("ml.model.requests", "ml.dataset.requests"),
    "deployer": ("ml.deployment.requests",),
    "executor": ("ml.execution.requests",),
    "metrics": ("ml.metric.observations", "ml.execution.observations", "ml.execution.events"),
}
_GRACE_S: Final = {service.name: service.stop_wait_s for service in SERVICES}
_ENVIRON: Final = {"MLP_SPARK_MASTER": "local[1,4]", "MLP_KAFKA_SESSION_TIMEOUT_MS": "6000"}

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]


def test_a_service_that_is_asked_to_end_under_load_loses_nothing_and_has_nothing_delivered_again() -> None:
    with running(_ENVIRON) as platform:
        history = asyncio.run(_stop_each_under_load(platform))

    assert not check(history)


async def _stop_each_under_load(platform: Platform) -> History:
    """One service after another, each started again before the next."""
    async with Sender(platform.connections) as sender:
        telling = asyncio.create_task(tell_stories(sender, platform.connections, seed=3, requests=34 * 12, minutes=1.5))
        for service in _TOPICS:
            await asyncio.sleep(10)
            await _stop_and_compare(platform, sender, service)
        assert not telling.done(), "the load ended before the last stop"
        await telling
    assert await come_to_rest(platform.connections, time.monotonic()) is not None
    return await collect(platform.connections, list(sender.sent.values()))


async def _stop_and_compare(platform: Platform, sender: Sender, service: str) -> None:
    supervisor = Supervisor(platform.stack.layout)
    stopped, took_s = await asyncio.to_thread(_stop, supervisor, service)
    history = await collect(platform.connections, list(sender.sent.values()))
    supervisor.update()
    print(f"{service} ended with {stopped.exit_code} after {took_s:.1f} s")  # noqa: T201 - the figure of this test

    assert stopped.exit_code == 0
    assert took_s < _GRACE_S[service]
    committed = await _committed(platform, service)
    answered = set(_answered(history, service))
    for position, record in _first_deliveries(history, service).items():
        is_committed = position.offset < committed.get((position.topic, position.partition), 0)
        if record.identity in answered:
            assert is_committed, f"{record} will be delivered again, though it was answered"
        elif is_committed:
            assert _waits(history, record), f"{record} is committed and nobody answered it"
    await asyncio.to_thread(platform.await_ready, service)


def _stop(supervisor: Supervisor, program: str) -> tuple[ProcessInfo, float]:
    begun = time.monotonic()
    supervisor.stop({program})
    await_true(lambda: supervisor.processes()[program].pid is None, within_s=60, what=f"the end of {program}")
    return supervisor.processes()[program], time.monotonic() - begun


async def _committed(platform: Platform, service: str) -> dict[tuple[str, int], int]:
    progress = await read_progress(kafka_client(platform.connections, "operator"))
    mine = [each for each in progress if each.group.split(".")[0] == service and each.topic in _TOPICS[service]]
    return {(each.topic, each.partition): each.committed for each in mine}


def _first_deliveries(history: History, service: str) -> dict[Position, Record]:
    """What the service was asked or told, where it stands for the first time, but for what it passes over."""
    first: dict[Identity, Record] = {}
    for record in history.on(*_TOPICS[service]):
        if service != "metrics" or record.name in {"MetricsObserved", "SeriesObserved", "ExecutionFinished"}:
            first.setdefault(record.identity, record)
    return {record.position: record for record in first.values()}


def _answered(history: History, service: str) -> Iterator[Identity]:
    """What was answered by a fact, a refusal, a dead letter or a row."""
    asked = {each.identity[1]: each.identity for each in _first_deliveries(history, service).values()}
    for record in history.on(".events", ".refusals"):
        request_id = str(record.data.get("request_id"))
        if record.name != "ExecutionFinished" and request_id in asked:
            yield asked[request_id]
    at = {str(position): record for position, record in _first_deliveries(history, service).items()}
    for letter in history.on(f"{service}.dlq"):
        told = letter.attributes
        where = f"{told['dlq-original-topic']}/{told['dlq-original-partition']}@{told['dlq-original-offset']}"
        if where in at:
            yield at[where].identity
    if service == "metrics":
        yield from _stored(history)


def _stored(history: History) -> Iterator[Identity]:
    for table in ("metrics", "timeseries_data", "rejected_points"):
        for row in history.rows.get(table, ()):
            yield row["source"], row["event_id"]
    ended = {row["execution_id"] for row in history.rows.get("executions", ())}
    for record in history.facts("ExecutionFinished"):
        if record.subject in ended:
            yield record.identity


def _waits(history: History, record: Record) -> bool:
    """Whether it was accepted and waits for a worker, to be answered after the next start."""
    key = "/".join(record.identity)
    return any(each["_id"] == key for each in history.collection("registry", "registrations"))
