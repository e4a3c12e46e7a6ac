"""What happened, seen from outside: what was sent, and all that topics, stores and buckets hold after it."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

Document = dict[str, Any]
Identity = tuple[str, str]
"""`ce_source` and `ce_id`: what two deliveries of one event have in common."""


@dataclass(frozen=True)
class Position:
    """A place on the bus."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}@{self.offset}"


@dataclass(frozen=True)
class Record:
    """A record of the bus; what it says is read when somebody asks."""

    position: Position
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]

    @property
    def topic(self) -> str:
        return self.position.topic

    @cached_property
    def attributes(self) -> dict[str, str]:
        return {name: value.decode(errors="replace") for name, value in self.headers}

    @cached_property
    def data(self) -> Document:
        """The JSON object in it; empty if there is none."""
        try:
            found = json.loads(self.value or b"null")
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def identity(self) -> Identity:
        return self.attributes.get("ce_source", ""), self.attributes.get("ce_id", "")

    @property
    def name(self) -> str:
        """`ModelRegistered` of `ml.ModelRegistered.v1`."""
        return self.attributes.get("ce_type", "").removeprefix("ml.").rsplit(".", 1)[0]

    @property
    def sequence(self) -> int | None:
        text = self.attributes.get("ce_sequence", "")
        return int(text) if text.isdecimal() else None

    @property
    def subject(self) -> str:
        return (self.key or b"").decode(errors="replace")

    def __str__(self) -> str:
        number = "" if self.sequence is None else f" #{self.sequence}"
        return f"{self.position} {self.name or '?'}{number} of {self.subject or '?'}, id {self.identity[1] or '?'}"


@dataclass(frozen=True, kw_only=True)
class Sent:
    """One message as its sender remembers it, who may have sent it several times.

    `expects` names the answers that are right, by the name of a fact or the code of a refusal; none for observations.
    A broken one expects no answer and a dead letter instead, and nothing else has its subject. `positions` are those
    that the bus acknowledged: what was sent again after a lost acknowledgement may stand elsewhere too.
    """

    kind: str
    topic: str
    subject: str
    request_id: str
    source: str
    expects: tuple[str, ...] = ()
    is_broken: bool = False
    positions: tuple[Position, ...] = ()
    sent_at: float = 0.0
    answered_at: float | None = None

    @property
    def identity(self) -> Identity:
        return self.source, self.request_id

    def __str__(self) -> str:
        return f"{self.kind} of {self.subject}, id {self.request_id}"


@dataclass(frozen=True)
class StoredObject:
    """An object of a bucket; `content` is kept of manifests alone."""

    size_bytes: int
    sha256: str
    content: bytes = b""


@dataclass(frozen=True)
class Progress:
    """How far a consumer group is on one partition."""

    group: str
    topic: str
    partition: int
    committed: int
    end: int


@dataclass(kw_only=True)
class History:
    """Everything that a checker may look at; nothing of it comes from a service's own mouth.

    `documents` are by database and collection, `rows` by table, `objects` by their `s3://` address.
    """

    sent: Sequence[Sent] = ()
    records: Sequence[Record] = ()
    documents: Mapping[str, Mapping[str, Sequence[Document]]] = field(default_factory=dict[str, Any])
    rows: Mapping[str, Sequence[Document]] = field(default_factory=dict[str, Any])
    objects: Mapping[str, StoredObject] = field(default_factory=dict[str, Any])
    progress: Sequence[Progress] = ()

    @cached_property
    def _by_topic(self) -> dict[str, list[Record]]:
        found: defaultdict[str, list[Record]] = defaultdict(list)
        for each in sorted(self.records, key=lambda record: (record.position.partition, record.position.offset)):
            found[each.topic].append(each)
        return found

    def on(self, *endings: str) -> Iterator[Record]:
        """All records of the topics whose names end so, each partition's in order."""
        for topic, records in self._by_topic.items():
            if topic.endswith(endings):
                yield from records

    def distinct(self, *endings: str) -> list[Record]:
        """The same, but of several deliveries of one event the first alone."""
        first: dict[Identity, Record] = {}
        for each in self.on(*endings):
            first.setdefault(each.identity, each)
        return list(first.values())

    def facts(self, *names: str) -> list[Record]:
        """Distinct facts, of these names if any are given."""
        return [each for each in self.distinct(".events") if not names or each.name in names]

    @cached_property
    def broken(self) -> frozenset[Position]:
        """Where records stand that were sent broken, acknowledged or not."""
        keys = {(sent.topic, sent.subject) for sent in self.sent if sent.is_broken}
        return frozenset(each.position for each in self.records if (each.topic, each.subject) in keys)

    def collection(self, database: str, name: str) -> Sequence[Document]:
        return self.documents.get(database, {}).get(name, ())
