"""What the use cases need, as they see it."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from datetime import datetime
from typing import Any, Protocol

from chassis.bus.delivery import Cause, Delivery
from chassis.bus.request_key import RequestKey
from chassis.documents.aggregates import Decide
from services.executor.domain.execution import Execution
from services.executor.domain.known import KnownModel, KnownVersion
from services.executor.domain.limits import Full
from services.executor.domain.terms import Tenure
from services.executor.scoring.job import InputObject, Progress, ScoringJob, ScoringOutcome
from services.executor.scoring.listing import InputFormat
from services.executor.store import Glance, Held


class Repository(Protocol):
    """The executions, one at a time."""

    async def load(self, aggregate_id: str) -> Execution | None: ...
    async def has_handled(self, aggregate_id: str, request_key: RequestKey) -> bool: ...
    async def answer(
        self, aggregate_id: str, decide: Decide[Execution], delivery: Delivery, *, makes: bool = False
    ) -> None: ...
    async def change(self, aggregate_id: str, decide: Decide[Execution], cause: Cause) -> None: ...


class Overview(Protocol):
    """The executions, as somebody who looks for work sees them."""

    async def waiting(self, now: datetime, full: Full) -> Sequence[str]: ...
    async def running(self) -> Sequence[Held]: ...


class Door(Protocol):
    """Holds back what would exceed a limit."""

    def full(self, running: Sequence[Held]) -> Full: ...
    async def admit(self, execution: Execution) -> bool: ...


class Glances(Protocol):
    """One execution, as its owner looks at it again and again."""

    async def glance(self, execution_id: str) -> Glance | None: ...


class Facts(Protocol):
    """A replica of others' facts."""

    async def get(self, key: str) -> dict[str, Any] | None: ...


class FactsByField(Protocol):
    """A replica of others' facts, asked by what stands in them."""

    async def find(self, field: str, values: Sequence[str]) -> list[dict[str, Any]]: ...


ListInput = Callable[[str, InputFormat], Awaitable[tuple[InputObject, ...]]]
"""Lists an input, and no more of it than may be scored; raises `ScoringError`."""


class Listings(Protocol):
    """The inputs' objects, by execution: what was kept first stays."""

    async def load(self, execution_id: str) -> tuple[InputObject, ...] | None: ...
    async def keep(self, execution_id: str, objects: tuple[InputObject, ...]) -> tuple[InputObject, ...]:
        """What is kept from now on: these, unless somebody else was faster. Raises: ScoringError."""
        ...


MakeJob = Callable[[Execution], Awaitable[ScoringJob]]
"""The present attempt's job, on the objects that all attempts read; raises `ScoringError`."""


class KnownVersions(Protocol):
    """The models' versions that the registry has published."""

    async def version(self, model_id: str, number: int) -> KnownVersion | None: ...


class KnownModels(KnownVersions, Protocol):
    """The models that the registry has published. A version is at least as it was at the last `get` of its model."""

    async def get(self, model_id: str) -> KnownModel | None: ...


class Scoring(Protocol):
    """One driver: scores one job at a time; a cancelled `run` has stopped its compute when it ends."""

    async def run(
        self,
        job: ScoringJob,
        *,
        on_progress: Callable[[Progress], None],
        on_begun: Callable[[], None] = lambda: None,
        on_answered: Callable[[], None] = lambda: None,
        lease_s: float | None = None,
    ) -> ScoringOutcome:
        """An outcome that comes with a cancellation is returned. Raises: ScoringError, ScoringCancelled."""
        ...

    def renew(self, lease_s: float) -> None:
        """Keep the running job alive for another `lease_s` seconds."""
        ...


class Driver(Scoring, Protocol):
    """A driver and its life."""

    @property
    def ready(self) -> bool: ...
    async def start(self) -> None:
        """Raises: ScoringError."""
        ...

    async def kept(self) -> None:
        """Ends, once started, only by what keeps it from ever being ready again."""
        ...

    async def stop(self) -> None: ...


class Hold(Protocol):
    """A lease that is being renewed."""

    @property
    def lost(self) -> bool:
        """Somebody else has the execution, or nobody."""
        ...


class Leases(Protocol):
    """Renews what is held."""

    def hold(self, execution_id: str, tenure: Tenure) -> AbstractAsyncContextManager[Hold]: ...


class Watched(Protocol):
    """An attempt that is watched over."""

    def does(self, what: str, *, within_s: float) -> None:
        """It has come to the next thing, which takes no longer than that while everything it needs is well."""
        ...


class Watchdog(Protocol):
    """Ends the process when an attempt stands still."""

    def over(self, execution: Execution) -> AbstractContextManager[Watched]: ...


class Feed(Protocol):
    """Tells the world how far an attempt is, or doesn't."""

    def of(self, execution: Execution) -> Callable[[Progress], None]: ...


ReachObjects = Callable[[], Awaitable[None]]
"""A round trip to the object store; raises `Outage`."""

FindLog = Callable[[str], Awaitable[str | None]]
"""The address of the log under an attempt's prefix; None where there is none, or nobody can say."""
