"""A repository, an object store and a clock in memory."""

import hashlib
import itertools
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter

from chassis.bus.delivery import ANONYMOUS, Cause, Delivery
from chassis.bus.envelope import Envelope
from chassis.documents.aggregates import Aggregate
from chassis.object_errors import ObjectChanged, ObjectMissing
from chassis.objects import Location, ObjectInfo
from chassis.sandbox.child.here import Here, Refused
from chassis.sandbox.child.ops import Message
from chassis.sandbox.child.recognition import problem_of
from chassis.sandbox.errors import ChildFailed
from schemas.event import Event
from schemas.models import InputBinding, ModelArchived, ModelRegistered, ModelVersionFields, VersionInspected
from services.registry.domain.version import Version, fingerprint
from services.registry.refusals import ArtifactFormatMismatch
from services.registry.store import Kept

A = TypeVar("A", bound=Aggregate)

_numbers = itertools.count(1)


class StoppedClock:
    """Both clocks stand still until told otherwise."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return datetime(2026, 11, 23, 6, 0, 0, 123456, tzinfo=UTC)

    def monotonic(self) -> float:
        return self.seconds


def delivery(*, request_id: str | None = None, is_live: Callable[[], bool] = lambda: True, **at: Any) -> Delivery:
    """A delivery of a request with an id of its own."""
    envelope = Envelope(id=request_id or f"r{next(_numbers)}", source="/upstream/test", type="ml.Test.v1")
    then = datetime(2026, 11, 23, tzinfo=UTC)
    place = {"topic": "ml.model.requests", "partition": 0, "offset": next(_numbers), "timestamp": then, **at}
    return Delivery(envelope=envelope, actor=ANONYMOUS, is_live=is_live, **place)


async def recognised(artifact: Path, said: ModelVersionFields) -> tuple[InputBinding, ...]:
    """What is done in a sandbox, less the loading."""
    wrong = problem_of(said.format, artifact)
    if wrong is not None:
        raise ArtifactFormatMismatch(f"it {wrong}")
    return ()


class ChildHere:
    """What runs in a sandbox, in this process."""

    def __init__(self) -> None:
        self._child, self._answers = Here(), list[Message]()

    def ask(self, header: dict[str, Any], *pieces: memoryview) -> None:
        try:
            self._answers.append(self._child.ask(header, *pieces))
        except Refused as refused:
            raise ChildFailed(vars(refused.failure)) from refused

    def answer(self) -> Message:
        return self._answers.pop(0)

    def close(self) -> None:
        return


class FakeRepository(Generic[A]):
    """Aggregates in a dictionary, stored as documents are: a request is handled once, a refusal changes nothing."""

    def __init__(self, kind: type[A]) -> None:
        self._adapter = TypeAdapter(kind)
        self._documents: dict[str, dict[str, Any]] = {}
        self._handled: set[tuple[str, str]] = set()
        self.published: list[Event] = []

    async def load(self, aggregate_id: str) -> A | None:
        document = self._documents.get(aggregate_id)
        return None if document is None else self._adapter.validate_python(document)

    async def has_handled(self, aggregate_id: str, request_key) -> bool:
        return (aggregate_id, request_key) in self._handled

    async def answer(self, aggregate_id: str, decide: Any, delivery: Delivery, *, makes: bool = False) -> None:
        async def nothing(unpublished: Any) -> None:
            return

        await self.answer_knowing(aggregate_id, nothing, lambda known, _: decide(known), delivery, makes=makes)

    async def answer_knowing(
        self, aggregate_id: str, look: Any, decide: Any, delivery: Delivery, *, makes: bool = False
    ) -> None:
        if await self.has_handled(aggregate_id, delivery.request_key):
            return
        found = await look(())
        aggregate = decide(await self.load(aggregate_id), found)
        delivery.ensure_live()
        self._documents[aggregate_id] = self._adapter.dump_python(aggregate, exclude={"events"})
        self._handled.add((aggregate_id, delivery.request_key))
        self.published += aggregate.events

    async def change_knowing(self, aggregate_id: str, look: Any, decide: Any, cause: Cause) -> None:
        found = await look(())
        aggregate = decide(await self.load(aggregate_id), found)
        if aggregate is not None:
            self._documents[aggregate_id] = self._adapter.dump_python(aggregate, exclude={"events"})
            self.published += aggregate.events


class FakeVersions:
    """Versions as the facts in a repository say them; all of it is published. `noted` are rules by version."""

    def __init__(self, models: FakeRepository[Any]) -> None:
        self._models = models
        self.noted: dict[str, int] = {}

    async def numbered(self, model_id: str, number: int | None, unpublished: Any) -> Version | None:
        return next((self._state(each) for each in self._of(model_id) if each.version == number), None)

    async def like(self, model_id: str, mark: str, unpublished: Any) -> Version | None:
        alike = (each for each in self._of(model_id) if fingerprint(each, each.artifact.sha256) == mark)
        return next((self._state(each) for each in alike), None)

    async def kept(self, which: str, rules: int) -> Kept | None:
        model_id, _, number = which.rpartition("/")
        registered = next((each for each in self._of(model_id) if each.version == int(number)), None)
        if registered is None or self._state(registered).state == "archived" or self.noted.get(which, 0) >= rules:
            return None
        told = [each.bindings for each in self._inspected(registered) if each.bindings is not None]
        return Kept(registered, (told or [registered.bindings or ()])[-1])

    async def note(self, which: str, rules: int) -> None:
        self.noted[which] = max(rules, self.noted.get(which, 0))

    def _of(self, model_id: str) -> list[ModelRegistered]:
        facts = self._models.published
        return [each for each in facts if isinstance(each, ModelRegistered) and each.model_id == model_id]

    def _inspected(self, event: ModelRegistered) -> list[VersionInspected]:
        of = (event.model_id, event.version)
        facts = [each for each in self._models.published if isinstance(each, VersionInspected)]
        return [each for each in facts if (each.model_id, each.version) == of]

    def _state(self, event: ModelRegistered) -> Version:
        archived = [each.version for each in self._models.published if isinstance(each, ModelArchived)]
        inspected = self._inspected(event)
        return Version(
            number=event.version,
            format=event.format,
            state="archived" if event.version in archived else "active",
            inspected_by=inspected[-1].inspected_by if inspected else event.inspected_by or 0,
            unfit=inspected[-1].unfit if inspected else None,
        )


class NobodyCollects:
    """Copies that nobody is about to remove."""

    async def rely_on(self, delivery: Delivery, digest: str) -> None:
        return


async def relied_on(digest: str) -> None:
    """Nobody is about to remove it."""


class FakeObjects:
    """Buckets in a dictionary. `before_read` may change them behind a reader's back.

    `broken` says of addresses what is raised by whoever asks for them, or for what lies under them.
    """

    def __init__(self) -> None:
        self.bytes: dict[str, bytes] = {}
        self.content_types: dict[str, str] = {}
        self.writes: list[str] = []
        self.reads: list[tuple[str, int, int]] = []
        self.listed = 0
        self.broken: dict[str, Exception] = {}
        self.before_read: Callable[[], None] = lambda: None

    def __setitem__(self, uri: str, data: bytes) -> None:
        self.bytes[uri] = data

    async def stat(self, location: Location) -> ObjectInfo:
        self._reach(location)
        if str(location) not in self.bytes:
            raise ObjectMissing(str(location))
        return replace(self._info(str(location)), content_type=self.content_types.get(str(location)))

    async def walk(self, prefix: Location) -> AsyncGenerator[ObjectInfo]:
        self._reach(prefix)
        for uri in sorted(each for each in self.bytes if each.startswith(str(prefix))):
            self.listed += 1
            yield self._info(uri)

    async def get(self, location: Location, *, offset: int = 0, length: int = 0, etag: str | None = None) -> bytes:
        self.reads.append((str(location), offset, length))
        data = self._current(location, etag)
        return data[offset : offset + length] if length else data[offset:]

    async def stream(self, info: ObjectInfo) -> AsyncIterator[bytes]:
        self.before_read()
        yield self._current(info.location, info.etag)

    async def copy_stream(self, source: ObjectInfo, target: Location) -> str:
        self._reach(target)
        data = self._current(source.location, source.etag)
        self.bytes[str(target)] = data
        self.writes.append(str(target))
        return hashlib.sha256(data).hexdigest()

    async def sha256(self, source: ObjectInfo) -> str:
        self.before_read()
        return hashlib.sha256(self._current(source.location, source.etag)).hexdigest()

    def _reach(self, location: Location) -> None:
        for where, error in self.broken.items():
            if str(location).startswith(where):
                raise error

    def _current(self, location: Location, etag: str | None) -> bytes:
        self._reach(location)
        if str(location) not in self.bytes:
            raise ObjectMissing(str(location))
        if etag not in (None, self._info(str(location)).etag):
            raise ObjectChanged(str(location))
        return self.bytes[str(location)]

    def _info(self, uri: str) -> ObjectInfo:
        data = self.bytes[uri]
        return ObjectInfo(Location.parse(uri), hashlib.md5(data, usedforsecurity=False).hexdigest(), len(data))
