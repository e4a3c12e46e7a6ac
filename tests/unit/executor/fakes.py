"""The store, the scoring engine and the clock in memory."""

import asyncio
import itertools
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import TypeAdapter

from chassis.bus.delivery import ANONYMOUS, Cause, Delivery
from chassis.bus.envelope import Envelope
from chassis.documents.parts import PartFold
from chassis.errors import DocumentsUnavailable
from schemas.event import Event
from services.executor.domain.execution import LONGEST_PAUSE, Execution
from services.executor.domain.limits import Full
from services.executor.domain.terms import Tenure
from services.executor.scoring.job import Progress, ScoringJob, ScoringOutcome
from services.executor.store import Glance, Held, Standing

NOON = datetime(2026, 11, 23, 12, 0, 0, 123000, tzinfo=UTC)
_numbers = itertools.count(1)


class HeldClock:
    """Both clocks stand still until told otherwise."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    def pass_time(self, seconds: float) -> None:
        self.seconds += seconds


def delivery(request_id: str | None = None) -> Delivery:
    """A delivery of a request with an id of its own."""
    envelope = Envelope(id=request_id or f"r{next(_numbers)}", source="/upstream/test", type="ml.Test.v1")
    return Delivery(
        envelope=envelope, actor=ANONYMOUS, timestamp=NOON, topic="ml.execution.requests", partition=0, offset=0
    )


class FakeExecutions:
    """Executions in a dictionary, saved by compare-and-swap as documents are, with the heartbeats beside them.

    `racing`, if set, happens once between somebody's load and save. `away` makes every call an outage,
    `broken` an error that nobody has foreseen; of `answers_lost` changes only the answer is lost.
    """

    def __init__(self) -> None:
        self._adapter = TypeAdapter(Execution)
        self._documents: dict[str, tuple[int, dict[str, Any]]] = {}
        self._handled: set[tuple[str, str]] = set()
        self.beats: dict[str, int] = {}
        self.published: list[Event] = []
        self.racing: Callable[[], Awaitable[object]] | None = None
        self.away = self.broken = False
        self.answers_lost = 0

    def of(self, kind: type[Event]) -> list[Any]:
        return [each for each in self.published if isinstance(each, kind)]

    async def load(self, aggregate_id: str) -> Execution | None:
        return self._load(aggregate_id)[1]

    async def has_handled(self, aggregate_id: str, request_key) -> bool:
        return (aggregate_id, request_key) in self._handled

    async def answer(self, aggregate_id: str, decide: Any, delivery: Delivery, *, makes: bool = False) -> None:
        def unless_handled(execution: Execution | None) -> Execution | None:
            handled = (aggregate_id, delivery.request_key) in self._handled
            return None if handled else decide(execution)

        await self._change(aggregate_id, unless_handled)
        self._handled.add((aggregate_id, delivery.request_key))

    async def change(self, aggregate_id: str, decide: Any, cause: Cause) -> None:
        await self._change(aggregate_id, decide)
        if self.answers_lost:
            self.answers_lost -= 1
            raise DocumentsUnavailable("switched off by the test")

    async def waiting(self, now: datetime, full: Full) -> list[str]:
        self._reach()
        found = [each for each in self._all() if each.state == "queued" and _may_begin(each.claimable_at, now)]
        ranked = sorted(found, key=lambda each: each.rank)
        return [each.execution_id for each in ranked if not full.holds_back(each.resolved)]

    async def running(self) -> list[Held]:
        self._reach()
        return [
            Held(
                each.execution_id,
                Tenure(each.owner or "", each.attempt),
                self.beats.get(each.execution_id, 0),
                each.resolved.deployment_id,
                each.resolved.market,
            )
            for each in self._all()
            if each.state == "running"
        ]

    async def standings(self, execution_ids: Sequence[str]) -> dict[str, Standing]:
        return {
            each.execution_id: Standing(each.state, each.attempt)
            for each in self._all()
            if each.execution_id in execution_ids
        }

    async def glance(self, execution_id: str) -> Glance | None:
        execution = self._load(execution_id)[1]
        if execution is None:
            return None
        return Glance(Tenure(execution.owner or "", execution.attempt), execution.cancel_requested)

    async def beat(self, execution_id: str, tenure: Tenure) -> bool:
        execution = self._load(execution_id)[1]
        if execution is None or not execution.is_held_by(tenure):
            return False
        self.beats[execution_id] = self.beats.get(execution_id, 0) + 1
        return True

    async def _change(self, aggregate_id: str, decide: Callable[[Execution | None], Execution | None]) -> None:
        while True:
            revision, loaded = self._load(aggregate_id)
            execution = decide(loaded)
            if self.racing is not None:
                race, self.racing = self.racing, None
                await race()
            if execution is None:
                return
            if self._load(aggregate_id)[0] == revision:
                document = self._adapter.dump_python(execution, exclude={"events"})
                self._documents[aggregate_id] = (revision + 1, document)
                self.published += execution.events
                execution.events.clear()
                return

    def _load(self, execution_id: str) -> tuple[int, Execution | None]:
        self._reach()
        revision, document = self._documents.get(execution_id, (0, None))
        return revision, None if document is None else self._adapter.validate_python(document)

    def _all(self) -> list[Execution]:
        return [self._adapter.validate_python(document) for _, document in self._documents.values()]

    def _reach(self) -> None:
        if self.away:
            raise DocumentsUnavailable("switched off by the test")
        if self.broken:
            raise RuntimeError("internal server error")


def _may_begin(at: datetime | None, now: datetime) -> bool:
    return at is None or not now < at <= now + LONGEST_PAUSE


class OpenDoor:
    """Holds nobody back."""

    def full(self, running: Sequence[Held]) -> Full:
        return Full()

    async def admit(self, execution: Execution) -> bool:
        return True


class FakeFacts(dict[str, dict[str, Any]]):
    """A replica that is never behind."""

    def __init__(self, parts: PartFold | None = None) -> None:
        super().__init__()
        self._parts = parts
        self._part_fields: dict[str, dict[str, Any]] = {}

    def tell(self, fact: Event, fold: Callable[[dict[str, Any], Any], dict[str, Any]]) -> None:
        self[fact.subject] = fold(dict.get(self, fact.subject, {}), fact)
        part = self._parts and self._parts.part_of(fact)
        if self._parts and part:
            key = f"{fact.subject}/{part}"
            self._part_fields[key] = self._parts.fold(self._part_fields.get(key, {}), fact)

    async def part(self, key: str, part: str) -> dict[str, Any] | None:
        return self._part_fields.get(f"{key}/{part}")

    async def get(self, key: str) -> dict[str, Any] | None:  # type: ignore[override]
        return dict.get(self, key)

    async def find(self, field: str, values: Sequence[str]) -> list[dict[str, Any]]:
        return [each for each in self.values() if each.get(field) in values]


class FakeScoring:
    """Scores as the test says. It takes a job at once unless `begins` is cleared, and returns unless `returns` is."""

    def __init__(self) -> None:
        self.jobs: list[ScoringJob] = []
        self.stopped = self.renewed = 0
        self.ready = True
        self._result: asyncio.Future[ScoringOutcome] | None = None
        self.started = asyncio.Event()
        self.begins, self.returns = asyncio.Event(), asyncio.Event()
        self.begins.set()
        self.returns.set()

    async def start(self) -> None:
        return

    async def kept(self) -> None:
        await asyncio.Event().wait()

    async def stop(self) -> None:
        return

    async def run(
        self,
        job: ScoringJob,
        *,
        on_progress: Callable[[Progress], None],
        on_begun: Callable[[], None] = lambda: None,
        on_answered: Callable[[], None] = lambda: None,
        lease_s: float | None = None,
    ) -> ScoringOutcome:
        self.jobs.append(job)
        self._result = asyncio.get_running_loop().create_future()
        self.started.set()
        try:
            await self.begins.wait()
            on_begun()
            on_progress(Progress(rows_done=1, rows_total=2, splits_done=0, splits_total=1))
            await asyncio.wait([self._result])
            on_answered()
            await self.returns.wait()
            return self._result.result()
        except asyncio.CancelledError:
            self.stopped += 1
            raise
        finally:
            self.started.clear()

    def renew(self, lease_s: float) -> None:
        self.renewed += 1

    async def end(self, with_: ScoringOutcome | Exception) -> None:
        """Let the running job end."""
        await self.started.wait()
        self.started.clear()
        assert self._result is not None
        if isinstance(with_, Exception):
            self._result.set_exception(with_)
        else:
            self._result.set_result(with_)


class FakeLease:
    lost = False


class FakeLeases:
    """Leases that hold until the test says otherwise."""

    def __init__(self) -> None:
        self.held: list[FakeLease] = []

    @asynccontextmanager
    async def hold(self, execution_id: str, tenure: Tenure) -> AsyncGenerator[FakeLease]:
        lease = FakeLease()
        self.held.append(lease)
        yield lease


class FakeWatchdog:
    """Notes what an attempt did."""

    def __init__(self) -> None:
        self.done: list[str] = []

    @contextmanager
    def over(self, execution: Execution) -> Generator["FakeWatchdog"]:
        yield self

    def does(self, what: str, *, within_s: float) -> None:
        if what not in self.done[-1:]:
            self.done.append(what)


class FakeFeed:
    def __init__(self) -> None:
        self.told: list[Progress] = []

    def of(self, execution: Execution) -> Callable[[Progress], None]:
        return self.told.append
