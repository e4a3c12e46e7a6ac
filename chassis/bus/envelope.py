"""CloudEvents 1.0 over Kafka: what stands around an event, in both modes."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from chassis.errors import Unreadable

STRUCTURED: Final = "application/cloudevents"
JSON: Final = "application/json"
_MAX_ATTRIBUTE_LENGTH: Final = 255
# Whatever else a sender adds is somebody else's: it is ignored, whatever bytes it has and however long it is.
_ATTRIBUTES: Final = frozenset(
    ("specversion", "id", "source", "type", "subject", "time", "sequence", "correlationid", "causationid")
)
_HEADERS: Final = frozenset({"content-type", *(f"ce_{name}" for name in _ATTRIBUTES)})
_TRACE: Final = "traceparent"
_MAX_SEQUENCE_DIGITS: Final = 18

Headers = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """The attributes of one event."""

    id: str
    source: str
    type: str
    subject: str | None = None
    time: str | None = None
    sequence: int | None = None
    correlation_id: str | None = None
    causation_id: str | None = None
    traceparent: str | None = None

    def headers(self) -> Headers:
        """Binary mode's headers, in a stable order."""
        attributes: dict[str, str | None] = {
            "ce_specversion": "1.0",
            "ce_id": self.id,
            "ce_source": self.source,
            "ce_type": self.type,
            "ce_time": self.time,
            "ce_subject": self.subject,
            "ce_sequence": None if self.sequence is None else str(self.sequence),
            "ce_correlationid": self.correlation_id,
            "ce_causationid": self.causation_id,
            "content-type": JSON,
            "traceparent": self.traceparent,
            # FastStream's own header; other readers of the topic may rely on it.
            "correlation_id": self.correlation_id,
        }
        return tuple((name, value.encode()) for name, value in attributes.items() if value is not None)


@dataclass(frozen=True)
class Message:
    """A record that could be read: its envelope and the JSON object in it."""

    envelope: Envelope
    data: dict[str, Any]


def rfc3339(moment: datetime) -> str:
    """UTC with a `Z`, as `ce_time` wants it."""
    return moment.isoformat().replace("+00:00", "Z")


def read(headers: Iterable[tuple[str, bytes]], value: bytes | None) -> Message:
    """Read a record in either mode.

    Raises:
        Unreadable: no JSON object, or `id`, `source` or `type` missing.
    """
    texts = _texts(headers)
    if value is None:
        raise Unreadable("empty", "the record has no value")
    body = _json_object(value)
    if texts.get("content-type", "").lower().startswith(STRUCTURED):
        return _structured(body, texts)
    attributes = {name.removeprefix("ce_"): text for name, text in texts.items() if name.startswith("ce_")}
    return Message(_envelope(attributes, texts.get(_TRACE)), body)


def _structured(body: dict[str, Any], texts: Mapping[str, str]) -> Message:
    data = body.get("data")
    if not isinstance(data, dict):
        raise Unreadable("not-an-object", "a structured event's data must be a JSON object")
    attributes = {name: text for name in _ATTRIBUTES if isinstance(text := body.get(name), str)}
    return Message(_envelope(attributes, texts.get(_TRACE)), data)


def _texts(headers: Iterable[tuple[str, bytes]]) -> dict[str, str]:
    """The headers that mean something here, by their names in small letters."""
    ours = [(name.lower(), value) for name, value in headers]
    try:
        texts = {name: value.decode() for name, value in ours if name in _HEADERS}
    except UnicodeError as error:
        raise Unreadable("bad-headers", "a header is not UTF-8") from error
    return texts | {name: trace for name, value in ours if name == _TRACE and (trace := _trace(value))}


def _trace(value: bytes) -> str | None:
    # A trace that can't be gone on with begins anew, says W3C; the request has nothing to do with it.
    text = value.decode("ascii", errors="replace")
    return text if text.isascii() and text.isprintable() and len(text) <= _MAX_ATTRIBUTE_LENGTH else None


def _json_object(value: bytes) -> dict[str, Any]:
    try:
        body = json.loads(value, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise Unreadable("bad-json", "the value is not JSON") from error
    if not isinstance(body, dict):
        raise Unreadable("not-an-object", "the value is not a JSON object")
    return body


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _is_fit(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return len(text) <= _MAX_ATTRIBUTE_LENGTH


def _envelope(attributes: Mapping[str, str], traceparent: str | None) -> Envelope:
    required = {name: attributes.get(name) for name in ("id", "source", "type")}
    missing = [name for name, text in required.items() if not text]
    if missing:
        raise Unreadable("missing-attributes", f"no {', '.join(f'ce_{name}' for name in missing)}")
    bad = [name for name, text in attributes.items() if not _is_fit(text)]
    if bad:
        limit = f"not Unicode, or longer than {_MAX_ATTRIBUTE_LENGTH}"
        raise Unreadable("bad-attributes", f"{limit}: {', '.join(sorted(bad))}")
    sequence = attributes.get("sequence")
    return Envelope(
        id=str(required["id"]),
        source=str(required["source"]),
        type=str(required["type"]),
        subject=attributes.get("subject"),
        time=attributes.get("time"),
        sequence=int(sequence or 0) if _is_number(sequence) else None,
        correlation_id=attributes.get("correlationid"),
        causation_id=attributes.get("causationid"),
        traceparent=traceparent,
    )


def _is_number(text: str | None) -> bool:
    return bool(text) and len(text) <= _MAX_SEQUENCE_DIGITS and text.isascii() and text.isdigit()
