"""Jobs of a driver that does what the test says."""

import asyncio

from services.executor.scoring.job import ScoringJob, ScoringOutcome
from tests.unit.executor.fakes import FakeScoring
from tests.unit.executor.requests import outcome


def result_of(job: ScoringJob) -> ScoringOutcome:
    prefix = job.output_prefix
    return outcome(output_uri=prefix, manifest_uri=f"{prefix}manifest.json", log_uri=f"{prefix}log.jsonl")


async def started(driver: FakeScoring, execution_id: str) -> ScoringJob:
    """The job of an execution, once it runs."""
    async with asyncio.timeout(30):
        while not (driver.started.is_set() and driver.jobs[-1].execution_id == execution_id):
            await asyncio.sleep(0.02)
    return driver.jobs[-1]
