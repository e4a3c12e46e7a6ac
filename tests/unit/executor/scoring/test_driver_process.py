"""A driver process that says what nobody understands, from its parent's side."""

import asyncio
import json
import os
import sys
from contextlib import asynccontextmanager

import pytest

from chassis.tasks import end
from services.executor.scoring import driver_process
from services.executor.scoring.driver_process import DriverProcess
from services.executor.scoring.errors import ScoringError
from services.executor.scoring.keeping import Keeper
from services.executor.scoring.recycling import Room
from services.executor.scoring.settings import ScoringSettings
from services.executor.scoring.warm_driver import WarmDriver
from services.executor.work import job_of
from tests.unit.executor.requests import outcome, queued

LIMIT = 4096
# Answers as its first argument says when it is told what the second one names.
PROGRAM = """
import json, sys
answers = {"start": b'{"event": "ready"}', sys.argv[2]: sys.argv[1].encode("latin-1")}
for line in sys.stdin:
    if answer := answers.get(json.loads(line)["op"]):
        sys.stdout.buffer.write(answer + b"\\n")
        sys.stdout.buffer.flush()
"""
LOST = ScoringError("worker-lost", "Spark's JVM does not answer")
GOOD = json.dumps({"event": "done", "outcome": outcome().model_dump()})
BAD = {
    "no JSON": "java.lang.OutOfMemoryError",
    "half a line": GOOD[:-5],
    "bytes that are no text": "\xff\xfe",
    "no object": "[1, 2]",
    "no event": "{}",
    "an outcome that is none": json.dumps({"event": "done", "outcome": {"rows_in": "many"}}),
    "a failure that is none": json.dumps({"event": "failed", "error": {}}),
    "progress that is none": json.dumps({"event": "progress", "progress": {"rows_done": -1}}),
    "a line without an end": "x" * 3 * LIMIT,
}


class Talking(DriverProcess):
    """The program above in the driver's place."""

    said = GOOD
    when = "run"

    async def _spawn(self):
        self._settings.work_dir.mkdir(exist_ok=True)
        self._folder.mkdir()
        (self._folder / "lock").touch()
        return await asyncio.create_subprocess_exec(
            *[sys.executable, "-c", PROGRAM, self.said, self.when],
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, driver_process.MARKER: self._id},
            start_new_session=True,
            limit=LIMIT,
        )


@pytest.fixture
def settings(tmp_path):
    return ScoringSettings(work_dir=tmp_path / "drivers", driver_check_s=0)


def talking(said, when="run"):
    return type("Said", (Talking,), {"said": said, "when": when})


def job():
    execution = queued()
    execution.start("a", execution.queued_at)
    return job_of(execution)


async def test_the_program_of_these_tests_scores_when_it_says_what_a_driver_says(settings):
    process = talking(GOOD)(settings)
    await process.start(timeout_s=20)
    assert (await process.run(job(), on_progress=lambda _: None, lease_s=None)).rows_out == 9
    assert process.outcome == outcome()
    await process.kill()


@pytest.mark.parametrize("said", BAD.values(), ids=BAD)
async def test_a_driver_that_is_not_understood_fails_its_job_and_is_ended_with_all_that_it_left(settings, said):
    process = talking(said)(settings)
    await process.start(timeout_s=20)
    with pytest.raises(ScoringError) as raised:
        await asyncio.wait_for(process.run(job(), on_progress=lambda _: None, lease_s=None), 10)

    assert (raised.value.code, raised.value.retryable) == ("worker-lost", True)
    assert process.outcome is None
    assert not process.ready
    await process.kill()
    assert not list(settings.work_dir.iterdir())
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)


async def test_its_keeper_goes_on_and_has_another_one_ready(settings):
    made = []

    def make(given):
        made.append(talking(GOOD if made else "nonsense")(given))
        return made[-1]

    keeper = Keeper(settings, Room(0), make)
    await keeper.start()
    async with keeper.lent() as process:
        with pytest.raises(ScoringError, match="understood"):
            await process.run(job(), on_progress=lambda _: None, lease_s=None)
    async with asyncio.timeout(20), keeper.lent() as process:
        assert (await process.run(job(), on_progress=lambda _: None, lease_s=None)).rows_out == 9
    await keeper.stop()

    assert len(made) == 2
    assert not list(settings.work_dir.iterdir())


@pytest.fixture
def warm(settings):
    @asynccontextmanager
    async def started(**said):
        driver = WarmDriver(settings, Room(0))
        driver._keeper = Keeper(settings, Room(0), talking(**said))
        await driver.start()
        yield driver
        await driver.stop()

    return started


async def test_an_outcome_that_comes_while_the_job_is_stopped_is_not_lost(warm):
    async with warm(said=GOOD, when="cancel") as driver:
        running = asyncio.create_task(driver.run(job(), on_progress=lambda _: None))
        await asyncio.sleep(0.2)
        await end(running)
        assert running.result() == outcome()
        assert driver.ready


async def test_a_job_that_does_not_stop_is_cancelled_with_its_driver(warm):
    async with warm(said="nothing", when="never") as driver:
        running = asyncio.create_task(driver.run(job(), on_progress=lambda _: None))
        await asyncio.sleep(0.2)
        await asyncio.wait_for(end(running), 10)
        assert running.cancelled()
        assert not driver.ready


async def test_a_job_says_when_a_driver_takes_it(warm):
    async with warm(said=GOOD) as driver:
        begun = []
        async with driver._keeper.lent():
            running = asyncio.create_task(
                driver.run(job(), on_progress=lambda _: None, on_begun=lambda: begun.append(True))
            )
            await asyncio.sleep(0.1)
            assert not begun
        await running
        assert begun == [True]


@pytest.mark.parametrize("said", [json.dumps({"event": "failed", "error": LOST.to_dict()}), "nonsense"])
async def test_it_says_when_the_driver_has_answered_or_died_even_where_nobody_gets_rid_of_it(warm, monkeypatch, said):
    async with warm(said=said) as driver:
        answered, release = [], asyncio.Event()
        monkeypatch.setattr(driver._keeper.process, "kill", release.wait)
        running = asyncio.create_task(
            driver.run(job(), on_progress=lambda _: None, on_answered=lambda: answered.append(True))
        )
        await asyncio.sleep(0.3)
        assert answered == [True]
        monkeypatch.undo()
        release.set()
        with pytest.raises(ScoringError) as raised:
            await running
        assert raised.value.code == "worker-lost"
        assert answered == [True]
