"""The headers of a record: CloudEvents 1.0 in Kafka's binary mode, and those of a dead letter."""

from typing import Any, Final

from schemas.event import Event, Kind
from schemas.publishing.json_schemas import Json
from schemas.topics import Topic

_TEXT: Final = {"type": "string", "minLength": 1}
_UUID: Final = {"type": "string", "format": "uuid"}

_CLOUD_EVENT: Final[Json] = {
    "ce_specversion": {"const": "1.0"},
    "ce_id": {**_UUID, "description": "With `ce_source` the duplicate key: one event has one pair."},
    "ce_source": {**_TEXT, "format": "uri-reference", "examples": ["/services/registry", "/upstream/erp"]},
    "ce_time": {"type": "string", "format": "date-time", "description": "When it happened: RFC 3339, UTC."},
    "ce_correlationid": {**_TEXT, "description": "The first cause."},
    "ce_causationid": {**_TEXT, "description": "The event that directly caused this one."},
    "content-type": {"const": "application/json"},
    "traceparent": {
        "type": "string",
        "pattern": "^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$",
        "description": "W3C trace context.",
    },
}
_SEQUENCE: Final[Json] = {
    "type": "string",
    "pattern": "^[1-9][0-9]*$",
    "description": "The aggregate's event counter, from 1, as a decimal string.",
}
_AUTHORIZATION: Final[Json] = {
    "type": "string",
    "pattern": "^Bearer .+$",
    "description": "Whoever asks; never copied to a fact, a log, a dead letter or a store.",
}
_REQUIRED: Final = ("ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time", "ce_subject", "content-type")


def takes_authorization(topic: Topic) -> bool:
    """Whether others than the one service that reads it write to it."""
    return topic.refusals is not None


def event_headers(event: type[Event]) -> Json:
    """The headers of `event`."""
    properties: Json = {
        **_CLOUD_EVENT,
        "ce_type": {"const": event.event_type},
        "ce_subject": {**_TEXT, "description": f"`{event.subject_field}`; also the record's key."},
    }
    required: list[str] = list(_REQUIRED)
    if event.kind is Kind.FACT:
        properties["ce_sequence"] = _SEQUENCE
        required.append("ce_sequence")
    if any(takes_authorization(topic) for topic in event.topics):
        properties["authorization"] = _AUTHORIZATION
    return {"type": "object", "required": required, "properties": dict(sorted(properties.items()))}


def dead_letter_headers() -> Json:
    """The headers that a dead letter has beside those of the message as it came, less `authorization`."""
    position = {"type": "string", "pattern": "^[0-9]+$"}
    properties: dict[str, Any] = {
        "dlq-original-topic": _TEXT,
        "dlq-original-partition": position,
        "dlq-original-offset": position,
        "dlq-error-code": _TEXT,
        "dlq-error-message": {"type": "string"},
        "dlq-attempts": position,
        "dlq-failed-at": {"type": "string", "format": "date-time"},
    }
    actor = {"type": "string", "description": "The actor, where one had been verified."}
    return {"type": "object", "required": list(properties), "properties": {**properties, "dlq-actor": actor}}
