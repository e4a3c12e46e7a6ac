"""Executions in every state, and what they left in the real object store."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from pydantic import TypeAdapter

from chassis.bus.positions import Positions
from chassis.clock import SystemClock
from chassis.objects import Location, Objects
from chassis.settings import GarbageSettings
from schemas.executions import ExecutionFinished
from services.executor.domain.ending import Failed, Succeeded
from services.executor.domain.execution import Execution
from services.executor.domain.terms import Tenure
from services.executor.garbage.kinds import kinds
from services.executor.store import Executions
from services.executor.work import work_of
from tests.integration.collecting import AFTER, moment_between
from tests.integration.outsider import Outsider
from tests.unit.executor.requests import queued

BROKEN = Failed(code="model-failed", message="no", retryable=True)
TABLE = TypeAdapter(Execution)


class Leftovers:
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
        listed = {str(each.location) for place in places for each in await self.objects.list(place)}
        return listed & (self.living | self.garbage)

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
