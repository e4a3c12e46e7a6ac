"""The service on real servers: what is on the bus is in the tables, once."""

import asyncio
import json
import os
import random
import signal
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import uuid4

import pytest

from chassis.settings import HttpSettings
from chassis.tables import Tables
from services.metrics.app import build
from services.metrics.migration import migrate
from services.metrics.settings import MetricsSettings
from tests.chaos.disorder import Chances, disordered
from tests.integration.living import living
from tests.integration.outsider import Outsider, Said, attributes

from .conftest import fetch, make_store
from .events import FINISHED, METRICS, NOW, SERIES, finished, metrics, series, taken

pytestmark = pytest.mark.timeout(180)
EXECUTIONS, OWN, OUTSIDE = "ml.execution.events", "ml.execution.observations", "ml.metric.observations"


class Bus(Outsider):
    """Publishes as the executor and as an outsider; reads refusals and dead letters."""

    async def send(self, topic: str, ce_type: str, body: dict, *, event_id: str | None = None) -> str:
        writer = "upstream" if topic == OUTSIDE else "executor"
        key = body["series_id"] if ce_type == SERIES else body["execution_id" if ce_type == FINISHED else "model_id"]
        headers = attributes(ce_type, key, id=event_id or str(uuid4()), source=f"/{writer}")
        await self.write(topic, json.dumps(body).encode(), key=key, headers=headers, principal=writer)
        return headers["ce_id"]

    async def answer_to(self, event_id: str) -> Said:
        """Its refusal, or the dead letter that it became."""
        return (await self.hear(lambda each: event_id in (each.key, each.headers["ce_id"])))[0]


@pytest.fixture
async def bus(kafka) -> AsyncIterator[Bus]:
    topics = ("ml.metric.refusals", "ml.metrics.dlq")
    async with Bus(kafka, *topics, principals=("upstream", "executor")) as made:
        yield made


@pytest.fixture
def settings(kafka, mongo, s3) -> MetricsSettings:
    return MetricsSettings(kafka=kafka.settings("metrics"), mongo=mongo, s3=s3, http=HttpSettings(port=0))


@pytest.fixture
async def tables(settings, empty_postgres) -> AsyncIterator[Tables]:
    async with serving(settings.model_copy(update={"postgres": empty_postgres})) as made:
        yield made


@pytest.fixture
async def lasting_tables(settings, postgres) -> AsyncIterator[Tables]:
    """In the database that outlives a test: dropping one would need a connection that outlives the server."""
    async with serving(settings.model_copy(update={"postgres": postgres})) as made:
        yield made


@asynccontextmanager
async def serving(settings: MetricsSettings) -> AsyncGenerator[Tables]:
    async with living(build(settings)):
        made = Tables(settings.postgres)
        yield made
        await made.stop()


async def until(tables: Tables, query: str, expected: object, *arguments: object) -> None:
    found = None
    try:
        async with asyncio.timeout(60):
            while (found := (await fetch(tables, query, *arguments))[0][0]) != expected:
                await asyncio.sleep(0.1)
    except TimeoutError:
        pytest.fail(f"{found} instead of {expected}: {query}")


async def test_what_is_observed_and_what_has_finished_is_stored_once(bus, tables, new_name):
    model_id = new_name()
    end = finished(model_id)
    sent = [
        (EXECUTIONS, FINISHED, end, str(uuid4())),
        (OWN, METRICS, metrics(model_id, execution_id=end["execution_id"], attempt=1), str(uuid4())),
        (OUTSIDE, METRICS, metrics(model_id, market="FR"), str(uuid4())),
        (OUTSIDE, SERIES, series(f"sales {model_id}"), str(uuid4())),
    ] * 3
    random.Random(3).shuffle(sent)  # noqa: S311
    for topic, ce_type, body, event_id in sent:
        await bus.send(topic, ce_type, body, event_id=event_id)
    for topic, ce_type, body in (
        (EXECUTIONS, FINISHED, finished(f"{model_id}-last")),
        (OWN, METRICS, metrics(f"{model_id}-last", execution_id=end["execution_id"], attempt=1)),
        (OUTSIDE, METRICS, metrics(f"{model_id}-last")),
    ):
        await bus.send(topic, ce_type, body)

    await until(tables, "SELECT count(*) FROM metrics WHERE model_id = $1", 6, model_id)
    await until(tables, "SELECT count(*) FROM metrics WHERE model_id = $1", 6, f"{model_id}-last")
    await until(tables, "SELECT count(*) FROM executions WHERE model_id = $1", 1, model_id)
    await until(tables, "SELECT count(*) FROM timeseries_data WHERE series_id = $1", 3, f"sales {model_id}")
    assert await fetch(
        tables, "SELECT count(*) FROM metrics WHERE execution_id = $1 AND model_id = $2", end["execution_id"], model_id
    ) == [(3,)]


async def test_events_that_come_twice_late_and_after_later_ones_are_stored_once(
    bus, settings, empty_postgres, new_name
):
    model_id = new_name()
    with disordered(seed=5, chances=Chances(overtaken=0)) as counts:
        service = build(settings.model_copy(update={"postgres": empty_postgres}))
    async with living(service):
        tables = Tables(empty_postgres)
        for number in range(30):
            await bus.send(OUTSIDE, METRICS, metrics(model_id, start=NOW - timedelta(days=number)))
            await bus.send(EXECUTIONS, FINISHED, finished(model_id))
        refused = [await bus.send(OUTSIDE, METRICS, {"model_id": model_id, "points": []}) for _ in range(5)]
        for each in refused:
            await bus.answer_to(each)
        await until(tables, "SELECT count(*) FROM metrics WHERE model_id = $1", 90, model_id)
        await until(tables, "SELECT count(*) FROM executions WHERE model_id = $1", 30, model_id)
        await bus.settle()
        await tables.stop()

    assert counts.repeated > 5
    assert [len(bus.find(lambda said, one=each: said.key == one)) for each in refused] == [1] * len(refused)


async def test_an_outsider_may_not_speak_for_an_execution(bus, tables, new_name):
    model_id = new_name()
    event_id = await bus.send(OUTSIDE, METRICS, metrics(model_id, execution_id=str(uuid4()), attempt=1))
    await bus.send(OUTSIDE, METRICS, metrics(model_id, points=1))

    refusal = await bus.answer_to(event_id)

    assert refusal.topic == "ml.metric.refusals"
    assert (refusal.code, [each["field"] for each in refusal.data["violations"]]) == (
        "schema-invalid",
        ["execution_id"],
    )
    await until(tables, "SELECT count(*) FROM metrics WHERE model_id = $1", 1, model_id)


@pytest.mark.parametrize("points", [[], [{"metric": "mae", "time": "yesterday", "value": 1}], "none"])
async def test_an_observation_that_breaks_its_schema_is_refused(bus, tables, new_name, points):
    event_id = await bus.send(OUTSIDE, METRICS, {"model_id": new_name(), "points": points})

    refusal = await bus.answer_to(event_id)

    assert (refusal.topic, refusal.code) == ("ml.metric.refusals", "schema-invalid")


async def test_the_executor_s_own_malformed_observation_is_a_dead_letter(bus, tables, new_name):
    event_id = await bus.send(OWN, METRICS, metrics(new_name()))

    letter = await bus.answer_to(event_id)

    assert (letter.topic, letter.headers["dlq-error-code"]) == ("ml.metrics.dlq", "schema-invalid")


async def test_a_poison_event_leaves_alone_and_the_rest_of_its_batch_is_stored(bus, tables, new_name):
    model_id = new_name()
    for number in range(20):
        await bus.send(OUTSIDE, METRICS, metrics(model_id, points=1, value=float(number)))
    event_id = await bus.send(OUTSIDE, METRICS, metrics(model_id), event_id=f"{model_id}\x00")
    for number in range(20):
        await bus.send(OUTSIDE, METRICS, metrics(model_id, points=1, value=float(number)))

    letter = await bus.answer_to(event_id)

    assert (letter.topic, letter.data) == ("ml.metrics.dlq", metrics(model_id))
    await until(tables, "SELECT count(*) FROM metrics WHERE model_id = $1", 40, model_id)


async def test_the_service_is_ready_and_stores_before_upkeep_has_begun(bus, settings, empty_postgres, new_name):
    model_id, other = new_name(), Tables(empty_postgres)
    await migrate(other, "never")
    old = NOW - timedelta(days=500)
    await make_store(other).store([taken(METRICS, metrics(model_id, points=5000, start=old))])

    async with other.transaction() as connection:
        await connection.execute("SELECT pg_advisory_xact_lock(hashtext('metrics upkeep'))")
        async with serving(settings.model_copy(update={"postgres": empty_postgres})) as tables:
            await bus.send(OUTSIDE, METRICS, metrics(model_id, points=7, start=old))
            await until(tables, "SELECT count(*) FROM metrics_default WHERE model_id = $1", 5007, model_id)
            await connection.execute("COMMIT AND CHAIN")
            await until(tables, "SELECT count(*) FROM metrics_default", 0)
            await until(tables, "SELECT count(*) FROM metrics WHERE model_id = $1", 5007, model_id)
    await other.stop()


async def test_nothing_is_lost_or_buried_when_the_server_dies_in_the_middle(bus, lasting_tables, stack, new_name):
    tables = lasting_tables
    model_id = new_name()
    for number in range(60):
        if number == 30:
            os.kill(stack.connections()["servers"]["postgres"]["pid"], signal.SIGKILL)
        await bus.send(OUTSIDE, METRICS, metrics(model_id, points=50, value=float(number)))
        await asyncio.sleep(0.02)
    async with asyncio.timeout(60):
        while True:
            try:
                await tables.ping()
                break
            except Exception:  # noqa: BLE001 - whatever it is, it isn't back yet
                await asyncio.sleep(0.2)

    await until(tables, "SELECT count(*) FROM metrics WHERE model_id = $1", 3000, model_id)

    refused = await bus.send(OUTSIDE, METRICS, {"model_id": model_id, "points": []})
    await bus.answer_to(refused)
    assert not [each for each in bus.seen if each.is_dead_letter]
