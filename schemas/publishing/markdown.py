"""`docs/events.md`: the catalogue for people."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Final

from schemas.catalogue import CATALOGUE
from schemas.event import Event
from schemas.publishing.json_schemas import Json, hoisted, subject_field
from schemas.topics import ANYONE, TOPICS, Topic

_INTRODUCTION: Final = """# Events

Written by `python -m schemas.generate`; don't edit it. The same as JSON Schemas and an AsyncAPI document:
[`schemas/published/`](../schemas/published/). Examples: [`schemas/golden/`](../schemas/golden/).

Every message is a CloudEvent 1.0 in Kafka's binary mode. Its key is its subject. Consumers ignore fields that they
don't know; a released message gains optional fields and changes in no other way.
"""
_DEFINED: Final = "#/components/schemas/"
_TECHNICAL: Final = 2**31 - 1
_BOUNDS: Final = {
    "minimum": "≥ {}",
    "maximum": "≤ {}",
    "minItems": "≥ {} items",
    "maxItems": "≤ {} items",
    "maxLength": "≤ {} characters",
}


def events_page() -> str:
    """The whole page."""
    schemas = hoisted()
    messages = {event.__name__ for event in CATALOGUE.values()}
    lines = [_INTRODUCTION, *_overview()]
    for topic in TOPICS:
        lines += _topic_section(topic, schemas)
    lines += ["## Types", ""]
    for name, schema in schemas.items():
        if name not in messages:
            lines += [f"### {name}", "", schema.get("description", ""), "", *_fields(schema)]
    return "\n".join(lines).rstrip() + "\n"


def _overview() -> list[str]:
    rows = [
        f"| `{topic.name}` | {_names(topic.writers)} | {_readers(topic)} | {_kept(topic.retention)} | {_size(topic)} |"
        for topic in TOPICS
    ]
    return ["| Topic | Written by | Read by | Kept | Largest message |", "|---|---|---|---|---|", *rows, ""]


def _topic_section(topic: Topic, schemas: dict[str, Json]) -> Iterator[str]:
    events = [event for event in CATALOGUE.values() if topic in event.topics]
    if not events:
        return
    yield from (f"## {topic.name}", "")
    stamped = " The broker stamps its records." if topic.log_append_time else ""
    yield f"Written by {_names(topic.writers)}; read by {_readers(topic)}; kept {_kept(topic.retention)}.{stamped}"
    yield ""
    for event in events:
        yield from _event_section(event, topic, schemas[event.__name__])


def _event_section(event: type[Event], topic: Topic, schema: Json) -> Iterator[str]:
    if topic != event.topics[0]:
        anchor = event.__name__.lower()
        yield from (f"**[{event.__name__}](#{anchor})**: as on `{event.topics[0].name}`.", "")
        return
    yield from (f"### {event.__name__}", "", schema.get("description", ""), "")
    yield from (f"Type `{event.event_type}`, subject `{subject_field(event)}`.", "")
    yield from _fields(schema)


def _fields(schema: Json) -> Iterator[str]:
    required = set(schema.get("required", []))
    yield from ("| Field | Type | Required | Meaning |", "|---|---|---|---|")
    for name, field in schema.get("properties", {}).items():
        needed = "yes" if name in required else _default(field)
        yield f"| `{name}` | {_type(field)} | {needed} | {_escaped(_description(field))} |"
    yield ""


def _default(field: Json) -> str:
    default = field.get("default")
    return "no" if default in (None, [], {}) else f"no (`{default}`)"


def _description(field: Json) -> str:
    branches: list[Json] = [field, *field.get("anyOf", [])]
    return next((branch["description"] for branch in branches if "description" in branch), "")


def _type(field: Json) -> str:
    if "anyOf" in field:
        return " or ".join(_type(branch) for branch in field["anyOf"] if branch.get("type") != "null")
    if "$ref" in field:
        name = field["$ref"].removeprefix(_DEFINED)
        return f"[{name}](#{name.lower()})"
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    return _plain_type(field)


def _plain_type(field: Json) -> str:
    kind = field.get("type", "any")
    if isinstance(kind, list):
        return ", ".join(kind)
    if kind == "array":
        return f"list of {_type(field['items'])}{_bounds(field)}"
    if kind == "object" and isinstance(field.get("additionalProperties"), dict):
        return f"map of name to {_type(field['additionalProperties'])}"
    name = {"date-time": "time"}.get(field.get("format", ""), kind)
    pattern = f" `{_escaped(field['pattern'])}`" if _is_readable(field.get("pattern", "")) else ""
    return f"{name}{pattern}{_bounds(field)}"


def _is_readable(pattern: str) -> bool:
    return bool(pattern) and "(?" not in pattern and "\\x" not in pattern


def _bounds(field: Json) -> str:
    bounds = [text.format(field[key]) for key, text in _BOUNDS.items() if field.get(key, _TECHNICAL) < _TECHNICAL]
    return f", {', '.join(bounds)}" if bounds else ""


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


def _names(principals: Iterable[str]) -> str:
    return ", ".join(sorted(principals))


def _readers(topic: Topic) -> str:
    if topic.readers == ANYONE:
        return "anyone"
    return _names(topic.readers) or "administrators"


def _kept(retention: timedelta | None) -> str:
    if retention is None:
        return "for ever"
    return f"{retention.days} day{'s' if retention.days > 1 else ''}"


def _size(topic: Topic) -> str:
    size_kb = topic.max_message_bytes // 1024
    return f"{size_kb // 1024} MB" if size_kb % 1024 == 0 else f"{size_kb} KB"
