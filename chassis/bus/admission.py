"""What has to hold before a request reaches its handler, in the order in which it is looked at."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from chassis.bus.compression import MAX_UNPACKED_BYTES
from chassis.bus.envelope import Message, read
from chassis.bus.record import Cut, KafkaRecord
from chassis.clock import Clock
from chassis.errors import Expired, NotBrokerStamped, SchemaInvalid, SubjectMismatch, Unreadable
from chassis.tokens import fields_with_tokens, may_hold_a_token
from schemas.catalogue import SchemaViolation, parse
from schemas.event import CATALOGUE, Event, Kind
from schemas.refusals import Violation
from schemas.topics import Topic

MAX_AGE: Final = timedelta(hours=24)
_LOG_APPEND_TIME: Final = 1
_WHY_CUT: Final = {
    "too-large": f"it goes past the {MAX_UNPACKED_BYTES} bytes to which a batch of records may unpack",
    "bad-batch": "what its producer packed can't be unpacked, or taken apart",
}


def stamped_at(record: KafkaRecord) -> datetime:
    """The record's own timestamp."""
    return datetime.fromtimestamp(record.timestamp / 1000, tz=UTC)


def read_message(record: KafkaRecord, topic: Topic) -> Message:
    """Read `record` as one of the events that travel on `topic`.

    Raises:
        Unreadable: it isn't one.
    """
    _check_size(record, topic)
    message = read(_headers(record), record.value)
    event_class = CATALOGUE.get(message.envelope.type)
    if event_class is None or topic.name not in {each.name for each in event_class.topics}:
        raise Unreadable("unknown-type", f"{message.envelope.type!r} does not travel on {topic.name}")
    return message


def _check_size(record: KafkaRecord, topic: Topic) -> None:
    # The broker's limit is for what was packed; this one comes before anybody looks at what that unpacked to.
    if isinstance(record.value, Cut):
        raise Unreadable(record.value.code, _WHY_CUT[record.value.code])
    size = len(record.value or b"")
    if size > topic.max_message_bytes:
        raise Unreadable("too-large", f"its value has {size} bytes, where {topic.name} takes {topic.max_message_bytes}")


def read_fact(message: Message, topic: Topic) -> Event:
    """Read what a service published on `topic`.

    Raises:
        Unreadable: it breaks its own schema.
    """
    try:
        return parse(message.envelope.type, message.data, topic=topic)
    except SchemaViolation as violation:
        fields = "; ".join(f"{each.field}: {each.message}" for each in violation.violations)
        raise Unreadable("schema-invalid", fields) from violation


def admit(message: Message, record: KafkaRecord, topic: Topic, clock: Clock) -> Event:
    """Read a request or an observation from outside.

    Raises:
        Refusal: a request that is too old, another shape than its schema, or another subject than its key says.
    """
    if topic.log_append_time and record.timestamp_type != _LOG_APPEND_TIME:
        raise NotBrokerStamped("the record's time was not set by the broker")
    # What was seen stays true, however long its reader was away; and it can be read again into tables that were lost.
    asks = CATALOGUE[message.envelope.type].kind is Kind.REQUEST
    if asks and clock.now() - stamped_at(record) > MAX_AGE:
        raise Expired("older than 24 hours when it was first handled")
    try:
        event = parse(message.envelope.type, message.data, topic=topic)
    except SchemaViolation as violation:
        raise SchemaInvalid("the request breaks its schema", violations=violation.violations) from violation
    _check_subject(event, message, record)
    _check_for_tokens(event, record)
    return event


def _check_for_tokens(event: Event, record: KafkaRecord) -> None:
    # What is admitted is stored and told to everybody, for ever; a token belongs in its header alone.
    if not may_hold_a_token(record.value or b""):
        return
    fields = dict.fromkeys(fields_with_tokens(event.model_dump(mode="json", by_alias=True)))
    if fields:
        violations = [Violation(field=field, message="must not hold a token") for field in fields]
        raise SchemaInvalid("a token stands in the request's body", violations=violations)


def _check_subject(event: Event, message: Message, record: KafkaRecord) -> None:
    key = record.key.decode(errors="replace") if record.key is not None else None
    if key != event.subject or message.envelope.subject not in (None, event.subject):
        raise SubjectMismatch(
            f"the record's key ({key!r}), ce_subject ({message.envelope.subject!r}, may be left out)"
            f" and the id in the body ({event.subject!r}) must be the same"
        )


def _headers(record: KafkaRecord) -> Iterable[tuple[str, bytes]]:
    return ((name, value or b"") for name, value in record.headers)
