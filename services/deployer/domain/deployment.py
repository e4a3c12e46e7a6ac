"""The deployment: what it runs, its revisions, and whether it runs."""

from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any, Literal, Self

from schemas.deployments import (
    DeploymentActivated,
    DeploymentChangeRequested,
    DeploymentPaused,
    DeploymentRequested,
    DeploymentResumed,
    DeploymentRetired,
)
from schemas.event import Event
from schemas.scalars import ParamValue
from schemas.values import InputRef, Schedule, Scheduling
from services.deployer.domain.errors import (
    AlreadyPaused,
    DeploymentIsRetired,
    DeploymentUnknown,
    NotPaused,
    RevisionConflict,
)

State = Literal["active", "paused", "retired"]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Who asked, by which request, and when it is answered."""

    by: str
    request_id: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Spec:
    """What a revision says, kept so that no name that an outsider chose becomes a field's name in a document."""

    name: str
    model_id: str
    version: int | None
    alias: str | None
    market: str
    brand: str | None
    input: InputRef
    keep: tuple[str, ...] | None
    params: tuple[tuple[str, ParamValue], ...]
    schedule: Schedule | None
    after: tuple[str, ...]
    resources: str
    retries: int
    timeout_s: int

    @classmethod
    def of(cls, request: DeploymentRequested) -> Self:
        said: dict[str, Any] = {each.name: getattr(request, each.name) for each in fields(cls)}
        said["params"] = tuple(sorted(request.params.items()))
        return cls(**said)

    def values(self) -> dict[str, Any]:
        """As messages have it."""
        return {**vars(self), "params": dict(self.params)}


@dataclass(kw_only=True)
class Deployment:
    """The aggregate; `events` is what it has raised since it was loaded.

    Revisions count what is run; pausing and resuming is not part of that.
    """

    deployment_id: str
    revision: int
    state: State
    spec: Spec
    requested_by: str
    created_at: datetime
    updated_at: datetime
    events: list[Event] = field(default_factory=list)

    @classmethod
    def existing(cls, known: Self | None, deployment_id: str) -> Self:
        """Raises: DeploymentUnknown, DeploymentIsRetired."""
        if known is None:
            raise DeploymentUnknown(f"there is no deployment {deployment_id}")
        if known.state == "retired":
            raise DeploymentIsRetired(f"deployment {deployment_id} is retired")
        return known

    @classmethod
    def ensure_open(cls, known: Self | None, request: DeploymentRequested) -> None:
        """Raises: DeploymentIsRetired, RevisionConflict."""
        if known is not None:
            cls.existing(known, request.deployment_id)
        now = 0 if known is None else known.revision
        if request.expected_revision not in (None, now):
            raise RevisionConflict(f"{request.deployment_id} is at revision {now}, not {request.expected_revision}")

    @classmethod
    def revised(cls, known: Self | None, request: DeploymentRequested, asked: Asked) -> Self:
        """The deployment at its next revision, active also where it was paused: its fact says so.

        Raises: DeploymentIsRetired, RevisionConflict.
        """
        cls.ensure_open(known, request)
        spec = Spec.of(request)
        if known is None:
            new = cls(
                deployment_id=request.deployment_id,
                revision=1,
                state="active",
                spec=spec,
                requested_by=asked.by,
                created_at=asked.at,
                updated_at=asked.at,
            )
        else:
            new = replace(
                known,
                revision=known.revision + 1,
                state="active",
                spec=spec,
                requested_by=asked.by,
                updated_at=asked.at,
                events=[],
            )
        new.events.append(new.fact(asked.request_id))
        return new

    @property
    def scheduling(self) -> Scheduling:
        """Pending: nothing runs schedules yet."""
        return "none" if self.spec.schedule is None else "pending"

    @property
    def waits_for(self) -> tuple[str, ...]:
        """What has to finish before it runs; nothing once it is retired."""
        return () if self.state == "retired" else self.spec.after

    def change(self, request: DeploymentChangeRequested, asked: Asked) -> None:
        """Raises: AlreadyPaused, NotPaused."""
        match request.action:
            case "pause":
                self._pause()
                kind = DeploymentPaused
            case "resume":
                self._resume()
                kind = DeploymentResumed
            case "retire":
                self.state = "retired"
                kind = DeploymentRetired
        self.updated_at = asked.at
        self.events.append(
            kind(
                deployment_id=self.deployment_id,
                revision=self.revision,
                changed_by=asked.by,
                reason=request.reason,
                request_id=asked.request_id,
            )
        )

    def fact(self, request_id: str) -> DeploymentActivated:
        return DeploymentActivated.model_validate(
            {
                **self.spec.values(),
                "deployment_id": self.deployment_id,
                "revision": self.revision,
                "scheduling": self.scheduling,
                "requested_by": self.requested_by,
                "request_id": request_id,
            }
        )

    def _pause(self) -> None:
        if self.state == "paused":
            raise AlreadyPaused(f"deployment {self.deployment_id} is paused already")
        self.state = "paused"

    def _resume(self) -> None:
        if self.state != "paused":
            raise NotPaused(f"deployment {self.deployment_id} is not paused")
        self.state = "active"
