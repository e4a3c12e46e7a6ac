"""An executor whose requests and facts come twice, late and out of order."""

import asyncio
from collections import Counter

from chassis.documents.client import connect
from chassis.settings import HttpSettings
from services.executor.app import build
from services.executor.settings import Settings
from tests.chaos.disorder import disordered
from tests.integration.executor.control.jobs import result_of
from tests.integration.facts import numbered
from tests.integration.living import living
from tests.unit.executor.fakes import FakeScoring


class EagerScoring(FakeScoring):
    """Scores at once."""

    async def run(self, job, *, on_progress, on_begun, on_answered, lease_s=None):
        self.jobs.append(job)
        on_begun()
        await asyncio.sleep(0.01)
        return result_of(job)


async def test_each_request_is_answered_once_and_each_execution_runs_once(world, deploy, kafka, mongo, s3):
    settings = Settings(
        kafka=kafka.settings("executor"), mongo=mongo, s3=s3, http=HttpSettings(port=0), lease_s=3, slots=1
    )
    driver = EagerScoring()
    with disordered(seed=3) as counts:
        service = build(settings, make_driver=lambda: driver)
    async with living(service):
        deployments = [await deploy() for _ in range(3)]
        ids = await asyncio.gather(*(world.run(each) for each in deployments * 8))
        cancelled = [await world.cancel(each) for each in ids[::6]]
        for each in ids:
            await world.ended(each)
        for each in cancelled:
            await world.answer(each)
        await world.settle()

    assert min(counts.repeated, counts.overtaken) > 0, "it was all in order"
    assert [len(world.to(each)) for each in cancelled] == [1] * len(cancelled)
    facts = numbered(world.find(lambda each: each.topic == "ml.execution.events" and each.key in ids))
    async with connect(mongo) as client:
        for each in ids:
            names = Counter(fact.name for fact in facts[each])
            assert (names["ExecutionQueued"], names["ExecutionFinished"]) == (1, 1)
            assert names["ExecutionStarted"] <= 1
            stored = await client["executor"]["executions"].find_one({"_id": each})
            assert (stored["_sequence"], stored["state"]) == (len(facts[each]), facts[each][-1].data["status"])
    runs = Counter(job.execution_id for job in driver.jobs)
    assert max(runs[each] for each in ids) == 1
