"""A dead letter, as its service kept it."""

import contextlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from chassis.bus.envelope import Headers, Message, read
from chassis.bus.record import KafkaRecord
from chassis.bus.specimen import OURS
from chassis.documents.decisions import Original, Route
from chassis.errors import Unreadable
from chassis.tokens import is_secret
from schemas.catalogue import CATALOGUE
from schemas.event import Event, Kind
from schemas.topics import SERVICES, TOPICS, Topic

ACTOR: Final = "dlq-actor"
_TOPICS: Final = {topic.name: topic for topic in TOPICS}
_ASKING: Final = {
    topic.name
    for event in CATALOGUE.values()
    if event.kind in (Kind.REQUEST, Kind.OBSERVATION)
    for topic in event.topics
}
_ID: Final = re.compile(rf"({'|'.join(SERVICES)})/(\d{{1,6}})/(\d{{1,18}})")
_DIGITS: Final = 18
_PARTS: Final = ("value", "key", "headers")
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}


class BadArgument(ValueError):
    """What somebody typed can't be meant; the message says what can."""


@dataclass(frozen=True, kw_only=True)
class Letter:
    """What its service gave up on. `headers` are the sender's, `id` is where it is kept: service/partition/offset.

    `cut` says of its value, its key and its headers, where only a part of them was kept, how many bytes they had.
    """

    id: str
    service: str
    failed_at: datetime
    original: Original
    code: str
    message: str
    attempts: int
    actor: str | None
    key: bytes | None
    value: bytes | None
    headers: Headers
    cut: Mapping[str, str] = field(default_factory=dict[str, str])
    is_redacted: bool = False

    @property
    def topic(self) -> Topic | None:
        """The original topic; None if the platform doesn't know it any more."""
        return _TOPICS.get(self.original.topic)

    @property
    def route(self) -> Route:
        """Requests and observations go to their topic again; a fact is read again by its service alone."""
        return Route.TOPIC if self.original.topic in _ASKING else Route.SERVICE

    def read(self) -> Message:
        """Read it as its service did. Raises: Unreadable."""
        return read(self.headers, self.value)

    @property
    def ce_type(self) -> str:
        """As far as it says so; empty if it doesn't."""
        with contextlib.suppress(Unreadable):
            return self.read().envelope.type
        return self.header("ce_type")

    @property
    def event_class(self) -> type[Event] | None:
        """Of the type that it says it has, if that travels on its topic."""
        known = CATALOGUE.get(self.ce_type)
        return known if known is not None and self.topic in known.topics else None

    @property
    def subject(self) -> str:
        """What it is about: its record's key."""
        return self.key.decode(errors="backslashreplace") if self.key is not None else ""

    def header(self, name: str) -> str:
        """The last header of that name; empty if there is none."""
        found = [value for each, value in self.headers if each.lower() == name]
        return found[-1].decode(errors="backslashreplace") if found else ""


@dataclass(frozen=True, kw_only=True)
class Which:
    """Which letters are meant; what is None doesn't matter."""

    service: str | None = None
    code: str | None = None
    topic: str | None = None
    since: datetime | None = None

    @property
    def services(self) -> Iterable[str]:
        return SERVICES if self.service is None else (self.service,)

    def takes(self, letter: Letter) -> bool:
        return (
            self.code in (None, letter.code)
            and self.topic in (None, letter.original.topic)
            and (self.since is None or letter.failed_at >= self.since)
        )


def read_letter(service: str, record: KafkaRecord) -> Letter:
    """The dead letter that a record of `ml.<service>.dlq` is."""
    headers: Headers = tuple((name, value or b"") for name, value in record.headers)
    ours = {name: value.decode(errors="replace") for name, value in headers if name.startswith(OURS)}
    stamped = datetime.fromtimestamp(record.timestamp / 1000, tz=UTC)
    return Letter(
        id=f"{service}/{record.partition}/{record.offset}",
        service=service,
        failed_at=_time(ours.get("dlq-failed-at", "")) or stamped,
        original=Original(
            topic=ours.get("dlq-original-topic", ""),
            partition=_number(ours.get("dlq-original-partition")),
            offset=_number(ours.get("dlq-original-offset")),
        ),
        code=ours.get("dlq-error-code", ""),
        message=ours.get("dlq-error-message", ""),
        attempts=_number(ours.get("dlq-attempts")),
        actor=ours.get(ACTOR),
        key=record.key,
        value=record.value,
        headers=tuple(each for each in headers if not each[0].startswith(OURS) and not is_secret(each[0])),
        cut={part: ours[name] for part in _PARTS if (name := f"{OURS}{part}-bytes") in ours},
        is_redacted=f"{OURS}redacted" in ours,
    )


def read_id(text: str) -> tuple[str, int, int]:
    """Service, partition and offset of an id. Raises: BadArgument."""
    match = _ID.fullmatch(text)
    if match is None:
        raise BadArgument(f"{text!r} is no dead letter's id: those are <service>/<partition>/<offset>, as `list` shows")
    return match[1], int(match[2]), int(match[3])


def read_since(text: str, now: datetime) -> datetime:
    """A time, or as long ago as `30m`, `12h`, `7d`. Raises: BadArgument."""
    if match := re.fullmatch(r"(\d{1,6})([mhd])", text):
        return now - timedelta(**{_UNITS[match[2]]: int(match[1])})
    moment = _time(text)
    if moment is None:
        raise BadArgument(f"{text!r} is no time: write 30m, 12h, 7d or 2026-11-23T06:00:00Z")
    return moment


def _number(text: str | None) -> int:
    """Nothing that a service would write is no number; but a broker without ACLs takes letters from anybody."""
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) <= _DIGITS else -1


def _time(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
