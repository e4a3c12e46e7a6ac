"""What executions leave in the real object store: all that nothing names goes, and nothing else."""

import asyncio
import os
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from uuid import uuid4

import pytest
import pytest_asyncio
from prometheus_client import REGISTRY
from pydantic import TypeAdapter
from typer.testing import CliRunner

from chassis.bus.positions import Positions
from chassis.clock import SystemClock
from chassis.documents.client import connect
from chassis.garbage.command import command
from chassis.objects import Location, Objects
from chassis.settings import GarbageSettings, HttpSettings
from infra.embedded.layout import CHECKOUT
from schemas.executions import ExecutionFinished
from services.executor.app import build
from services.executor.domain.ending import Failed, Succeeded
from services.executor.domain.execution import Execution
from services.executor.domain.terms import Tenure
from services.executor.garbage.kinds import kinds
from services.executor.settings import Settings
from services.executor.store import Executions
from services.executor.work import work_of
from tests.integration.collecting import AFTER, At, Died, Dying, collector, moment_between, passed
from tests.integration.living import living
from tests.integration.outsider import Outsider
from tests.unit.executor.fakes import FakeScoring
from tests.unit.executor.requests import queued

BROKEN = Failed(code="model-failed", message="no", retryable=True)
TABLE = TypeAdapter(Execution)


class World:
    """A database of executions of its own, and objects of theirs beside everybody's."""

    def __init__(self, database, objects: Objects, facts: Positions, said: Outsider, name: str) -> None:
        self.database, self.objects, self.facts, self.said = database, objects, facts, said
        self.deployment_id = name
        self.living: set[str] = set()
        self.garbage: set[str] = set()

    def kinds(self, objects: Objects | None = None):
        executions = Executions(self.database["executions"])
        return kinds(objects or self.objects, executions, self.facts, SystemClock(), GarbageSettings())

    def execution(self, attempts: int, *, at: datetime, **said) -> Execution:
        """One whose last attempt of so many runs."""
        made = queued(retries=10, execution_id=str(uuid4()), deployment_id=self.deployment_id, at=at)
        if said:
            work = work_of(made)
            made.work = work.model_copy(update={"input": work.input.model_copy(update=said)}).model_dump_json()
        for attempt in range(1, attempts + 1):
            if attempt > 1:
                made.finish(Tenure("a", attempt - 1), BROKEN, at)
            made.start("a", at)
        return made

    async def store(self, execution: Execution) -> None:
        fields = TABLE.dump_python(execution, exclude={"events"})
        which = {"_id": execution.execution_id}
        await self.database["executions"].replace_one(
            which, {**which, **fields, "_rev": 1, "_sequence": 1}, upsert=True
        )

    async def put(self, into: set[str], execution: Execution, *keys: str) -> None:
        for key in keys:
            where = Location("results", f"{self.deployment_id}/{execution.execution_id}/{key}")
            await self.objects.put(where, key.encode())
            into.add(str(where))

    async def try_rows(self, into: set[str], execution_id: str) -> str:
        where = Location("datasets", f"tries/{execution_id}/rows.parquet")
        await self.objects.put(where, b"rows")
        into.add(str(where))
        return str(where)

    async def there(self) -> set[str]:
        places = (Location("results", f"{self.deployment_id}/"), Location("datasets", "tries/"))
        return {str(each.location) for place in places for each in await self.objects.list(place)}

    async def seed(self) -> datetime:
        """Every kind of garbage, and every kind of what looks like it and isn't; a moment when it is all old enough."""
        now = datetime.now(UTC)
        long_ago = now - timedelta(days=3)
        await self._succeeded(long_ago)
        await self._failed(long_ago)
        await self._not_ended(long_ago)
        await self._forgotten(long_ago)
        await self._tries(now)
        between = await moment_between(self.objects, "results")
        young = self.execution(3, at=long_ago)
        young.finish(Tenure("a", 3), _result(young), long_ago)
        await self.store(young)
        await self.put(self.living, young, "attempt-1/part-1", "attempt-3/manifest.json")
        return between + AFTER

    async def _succeeded(self, at: datetime) -> None:
        done = self.execution(3, at=at)
        done.finish(Tenure("a", 3), _result(done), at)
        await self.store(done)
        await self.put(self.living, done, "attempt-3/manifest.json", "attempt-3/part-1", "attempt-3/log.jsonl")
        await self.put(self.garbage, done, "attempt-1/log.jsonl", "attempt-2/manifest.json", "attempt-2/part-1")
        await self.put(self.living, done, "attempt-4/part-1")

    async def _failed(self, at: datetime) -> None:
        failed = self.execution(2, at=at)
        failed.finish(Tenure("a", 2), replace(BROKEN, retryable=False), at)
        await self.store(failed)
        await self.put(self.living, failed, "attempt-2/log.jsonl")
        await self.put(self.garbage, failed, "attempt-2/part-1", "attempt-2/rejected/part-1", "attempt-1/part-1")

    async def _not_ended(self, at: datetime) -> None:
        running, waiting = self.execution(2, at=at), self.execution(2, at=at)
        waiting.finish(Tenure("a", 2), BROKEN, at)
        assert (running.state, waiting.state) == ("running", "queued")
        for each in (running, waiting):
            await self.store(each)
            await self.put(self.living, each, "attempt-1/part-1", "attempt-2/part-1", "attempt-2/log.jsonl")

    async def _forgotten(self, at: datetime) -> None:
        """One came to its end at attempt 1 as others know, at attempt 2 as a restored store does; one isn't there."""
        told, known, lost = self.execution(1, at=at), self.execution(2, at=at), self.execution(1, at=at)
        told.execution_id = known.execution_id
        told.resolved = known.resolved
        for each, attempt in ((told, 1), (known, 2)):
            each.finish(Tenure("a", attempt), _result(each), at)
        fact = next(each for each in told.events if isinstance(each, ExecutionFinished))
        await self.said.state("executor", fact)
        await self.store(known)
        await self.put(self.living, known, "attempt-1/manifest.json", "attempt-1/log.jsonl", "attempt-2/manifest.json")
        await self.put(self.living, lost, "attempt-1/manifest.json")

    async def _tries(self, now: datetime) -> None:
        for hours, into in ((30, self.garbage), (1, self.living), (None, self.living)):
            execution_id = str(uuid4())
            uri = await self.try_rows(into, execution_id)
            tried = self.execution(1, at=now - timedelta(hours=40), uri=uri)
            tried.execution_id = execution_id
            if hours is not None:
                tried.finish(Tenure("a", 1), _result(tried), now - timedelta(hours=hours))
            await self.store(tried)
            await self.put(into, tried, "attempt-1/manifest.json", "attempt-1/part-1", "attempt-1/log.jsonl")
        await self.try_rows(self.living, str(uuid4()))


def _result(execution: Execution) -> Succeeded:
    prefix = f"s3://results/{execution.resolved.deployment_id}/{execution.execution_id}/attempt-{execution.attempt}/"
    return Succeeded(
        output_uri=prefix,
        manifest_uri=f"{prefix}manifest.json",
        manifest_sha256="b" * 64,
        rows_in=1,
        rows_out=1,
        rows_rejected=0,
        log_uri=f"{prefix}log.jsonl",
    )


@pytest_asyncio.fixture
async def seeded(kafka, mongo, s3, new_name):
    client, facts, name = connect(mongo), Positions(kafka.settings("executor")), new_name()
    async with Objects(s3) as objects, Outsider(kafka, principals=("executor",)) as said:
        yield World(client[name], objects, facts, said, name)
    await client.drop_database(name)
    await facts.stop()
    await client.close()


def _counted(name: str, kind: str) -> float:
    return REGISTRY.get_sample_value(name, {"kind": kind}) or 0.0


async def test_exactly_what_nothing_names_goes_and_a_look_removes_nothing(seeded):
    now = await seeded.seed()
    everything = seeded.living | seeded.garbage
    assert await seeded.there() == everything

    found = [heap async for _, heap, _ in replace(seeded.kinds(), store=At(now)).heaps()]
    mine = [each for each in found if each.pile.where.key.startswith((seeded.deployment_id, "tries/"))]
    assert sum(each.pile.objects for each in mine if each.goes) == len(seeded.garbage)
    assert {each.why for each in mine if not each.goes} == {
        "there is no such execution", "the execution succeeded at attempt 3",
    }  # fmt: skip
    assert await seeded.there() == everything

    before = (
        _counted("mlp_garbage_removed_objects_total", "attempt"),
        _counted("mlp_garbage_removed_bytes_total", "try"),
    )
    report = await passed(collector(seeded.kinds(), seeded.database, now=now))
    assert await seeded.there() == seeded.living
    assert sum(each.objects for each in report.removed.values()) == len(seeded.garbage)
    assert _counted("mlp_garbage_removed_objects_total", "attempt") == before[0] + 6
    assert _counted("mlp_garbage_removed_bytes_total", "try") > before[1]
    assert _counted("mlp_garbage_unexplained_objects", "attempt") >= 2

    again = await passed(collector(seeded.kinds(), seeded.database, now=now))
    assert not again.removed
    assert await seeded.there() == seeded.living


@pytest.mark.parametrize("after", [0, 1, 5, 7, 9])
async def test_a_collector_that_dies_anywhere_is_followed_by_one_that_ends_it(seeded, s3, after):
    now = await seeded.seed()
    async with Dying(s3, after) as dying:
        with pytest.raises(Died):
            await passed(collector(seeded.kinds(dying), seeded.database, now=now))
    assert len(await seeded.there()) == len(seeded.living | seeded.garbage) - after

    await passed(collector(seeded.kinds(), seeded.database, now=now))
    assert await seeded.there() == seeded.living


async def test_rows_of_which_no_execution_came_go_when_none_can_come_any_more(seeded):
    await seeded.try_rows(seeded.garbage, str(uuid4()))
    now = await moment_between(seeded.objects, "datasets")
    for days, left in ((7.9, seeded.garbage), (8, set())):
        await passed(collector(seeded.kinds(), seeded.database, now=now + timedelta(days=days)))
        assert await seeded.there() & seeded.garbage == left


async def test_of_two_collectors_one_passes_and_the_other_when_that_is_done(seeded):
    now = datetime.now(UTC)
    collectors = [collector(seeded.kinds(), seeded.database, now=now) for _ in range(2)]
    reports = await asyncio.gather(*(each.look() for each in collectors))
    assert sorted(each is None for each in reports) == [False, True]
    assert await passed(collectors[reports.index(None)])


async def test_an_executor_collects_by_itself(kafka, mongo, s3):
    client = connect(mongo)
    await client["executor"]["collector"].delete_many({})
    given = {"kafka": kafka.settings("executor"), "mongo": mongo, "s3": s3, "http": HttpSettings(port=0)}
    settings = Settings(**given, garbage=GarbageSettings(every_s=0.2))
    passes = REGISTRY.get_sample_value("mlp_garbage_passes_total", {"outcome": "done"}) or 0
    async with living(build(settings, make_driver=FakeScoring)), asyncio.timeout(30):
        while (REGISTRY.get_sample_value("mlp_garbage_passes_total", {"outcome": "done"}) or 0) < passes + 2:
            await asyncio.sleep(0.1)
    stored = await client["executor"]["collector"].find_one({"_id": "garbage"})
    assert datetime.now(UTC) - stored["ended_at"] < timedelta(minutes=1)
    await client.close()


def _environment(kafka, mongo, s3) -> dict[str, str]:
    bus = kafka.settings("operator")
    return {
        "MLP_KAFKA_BOOTSTRAP_SERVERS": bus.bootstrap_servers,
        "MLP_KAFKA_USERNAME": bus.username,
        "MLP_KAFKA_PASSWORD": bus.password.get_secret_value(),
        "MLP_MONGO_URL": mongo.url.get_secret_value(),
        "MLP_S3_ENDPOINT": s3.endpoint,
        "MLP_S3_ACCESS_KEY": s3.access_key.get_secret_value(),
        "MLP_S3_SECRET_KEY": s3.secret_key.get_secret_value(),
    }


@pytest.mark.parametrize("service", ["executor", "registry"])
async def test_the_operators_command_finds_the_stores(kafka, mongo, s3, service):
    async def run(*arguments: str) -> tuple[int | None, str]:
        process = await asyncio.create_subprocess_exec(
            *[sys.executable, "-m", f"services.{service}.collect", *arguments],
            env={**os.environ, **_environment(kafka, mongo, s3)},
            cwd=CHECKOUT,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        async with asyncio.timeout(90):
            output, _ = await process.communicate()
        return process.returncode, output.decode()

    code, output = await run("--dry-run")
    assert (code, "would go: 0 objects, 0 bytes; nothing was removed" in output) == (0, True), output
    code, output = await run()
    assert (code, "removed: 0 objects, 0 bytes" in output) == (0, True), output
    code, output = await run("--older-than", "23")
    assert code == 2, output


async def test_the_operators_command_shows_what_would_go_and_why(seeded, kafka, mongo, s3, monkeypatch):
    now = await seeded.seed()
    for name, value in _environment(kafka, mongo, s3).items():
        monkeypatch.setenv(name, value)

    def make(stores, settings):
        stores = SimpleNamespace(**vars(stores) | {"database": stores.database.client[seeded.deployment_id]})
        executions = Executions(stores.database["executions"])
        made = kinds(stores.objects, executions, stores.positions, stores.clock, settings)
        return replace(made, store=At(now))

    app = command("executor", make, about="Collect.")
    shown = await asyncio.to_thread(CliRunner().invoke, app, ["--dry-run"])
    assert shown.exit_code == 0, shown.output
    lines = [each for each in shown.output.splitlines() if seeded.deployment_id in each]
    assert any(
        each.split()[:2] == ["attempt", "2"] and "/attempt-2/: attempt 3 came after it" in each for each in lines
    )
    assert any("STAYS, there is no such execution" in each for each in lines)
    assert "would go: 10 objects" in shown.output
    assert await seeded.there() == seeded.living | seeded.garbage

    done = await asyncio.to_thread(CliRunner().invoke, app, [])
    assert (done.exit_code, "removed: 10 objects" in done.output) == (0, True), done.output
    assert await seeded.there() == seeded.living
