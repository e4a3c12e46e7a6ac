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
from typer.testing import CliRunner

from chassis.bus.positions import Positions
from chassis.documents.client import connect
from chassis.garbage.command import command
from chassis.objects import Objects
from chassis.settings import GarbageSettings, HttpSettings
from infra.embedded.layout import CHECKOUT
from services.executor.app import build
from services.executor.garbage.kinds import kinds
from services.executor.settings import Settings
from services.executor.store import Executions
from tests.integration.collecting import At, Died, Dying, collector, moment_between, passed
from tests.integration.executor.control.leftovers import Leftovers
from tests.integration.living import living
from tests.integration.outsider import Outsider
from tests.unit.executor.fakes import FakeScoring


@pytest_asyncio.fixture
async def seeded(kafka, mongo, s3, new_name):
    client, facts, name = connect(mongo), Positions(kafka.settings("executor")), new_name()
    async with Objects(s3) as objects, Outsider(kafka, principals=("executor",)) as said:
        yield Leftovers(client[name], objects, facts, said, name)
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
    report = await passed(collector(seeded.kinds(), seeded.database, now=now, lease_s=30))
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
