"""What a dead letter says beside what its schema wants, field by field."""

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from chassis.bus.envelope import Message
from chassis.deadletters.letters import Letter
from chassis.errors import Unreadable
from schemas.catalogue import CATALOGUE, SchemaViolation, parse
from schemas.event import Event
from schemas.topics import Topic

ABSENT: Final = "—"
_NEAREST: Final = 3


@dataclass(frozen=True, kw_only=True)
class Row:
    """One field. `wrong` is None where it is as it should be."""

    field: str
    there: str
    wanted: str
    wrong: str | None = None


@dataclass(frozen=True, kw_only=True)
class Difference:
    """In a sentence, and where that says more in rows."""

    said: str
    rows: Sequence[Row] = ()


def difference(letter: Letter) -> Difference:
    """How far the letter is from what it says that it is."""
    if letter.topic is None:
        return Difference(said=f"{letter.original.topic} is no topic of the platform (any more).")
    if "value" in letter.cut:
        size, limit = letter.cut["value"], letter.topic.max_message_bytes
        return Difference(said=f"Its value was not kept whole (bytes: {size}); {letter.topic.name} takes {limit}.")
    known = letter.event_class
    if known is None:
        return Difference(said=_about_unknown(letter.ce_type, letter.topic))
    try:
        message = letter.read()
    except Unreadable as error:
        return Difference(said=f"It can't be read as {known.event_type}: {error}{_where(letter.value)}.")
    rows = [*_fields(known, message, letter.topic), *_subjects(known, message, letter.subject)]
    if any(row.wrong for row in rows):
        return Difference(said=f"It isn't what {known.event_type} wants:", rows=rows)
    return Difference(said=f"It keeps to {known.event_type}; what failed is its handling.", rows=rows)


def _about_unknown(ce_type: str, topic: Topic) -> str:
    travelling = sorted(each.event_type for each in CATALOGUE.values() if topic in each.topics)
    if not ce_type:
        return f"It has no ce_type. On {topic.name} travel: {', '.join(travelling)}."
    if ce_type in CATALOGUE:
        homes = ", ".join(each.name for each in CATALOGUE[ce_type].topics)
        return f"{ce_type} belongs on {homes}. On {topic.name} travel: {', '.join(travelling)}."
    nearest = difflib.get_close_matches(ce_type, travelling, n=_NEAREST, cutoff=0.0)
    return f"{ce_type} is in no catalogue. Nearest on {topic.name}: {', '.join(nearest)}."


def _where(value: bytes | None) -> str:
    try:
        json.loads(value or b"")
    except (ValueError, RecursionError) as error:
        return f" ({error})"
    return ""


def _fields(known: type[Event], message: Message, topic: Topic) -> Iterator[Row]:
    wrong = _violations(known, message.data, topic)
    schema = known.model_json_schema(by_alias=True)
    required = set(schema.get("required", ()))
    for name, field in schema["properties"].items():
        wanted = f"{_in_words(field)}{'' if name in required else ' (optional)'}"
        yield Row(field=name, there=_shown(message.data, name), wanted=wanted, wrong=wrong.pop(name, None))
    for path, said in wrong.items():
        yield Row(field=path, there=_shown(message.data, path), wanted="", wrong=said)
    for name in message.data.keys() - schema["properties"].keys():
        yield Row(field=name, there=_shown(message.data, name), wanted="nothing: the schema doesn't know it")


def _violations(known: type[Event], data: Mapping[str, Any], topic: Topic) -> dict[str, str]:
    try:
        parse(known.event_type, data, topic=topic)
    except SchemaViolation as violation:
        return {each.field: each.message for each in violation.violations}
    return {}


def _subjects(known: type[Event], message: Message, key: str) -> Iterator[Row]:
    name = known.model_fields[known.subject_field].alias or known.subject_field
    subject = message.data.get(name)
    if not isinstance(subject, str):
        return
    for place, there in (("(the record's key)", key), ("(ce_subject)", message.envelope.subject)):
        if there is not None:
            wrong = None if there == subject else "is another subject"
            yield Row(field=place, there=there, wanted=f"the same as {name}: {subject}", wrong=wrong)


def _shown(data: Any, path: str) -> str:
    for part in path.split("."):
        try:
            data = data[int(part)] if isinstance(data, list) else data[part]
        except (KeyError, IndexError, ValueError, TypeError):
            return ABSENT
    return json.dumps(data, ensure_ascii=False)


def _in_words(field: Mapping[str, Any]) -> str:
    if "anyOf" in field:
        return " or ".join(_in_words(each) for each in field["anyOf"] if each.get("type") != "null")
    if "$ref" in field:
        return str(field["$ref"]).rpartition("/")[2]
    if "enum" in field:
        return "one of " + ", ".join(str(each) for each in field["enum"])
    if field.get("type") == "array":
        return f"list of {_in_words(field.get('items', {}))}"
    kind = {"date-time": "time", "uuid": "UUID"}.get(field.get("format", ""), str(field.get("type", "any value")))
    bounds = [text.format(field[name]) for name, text in _BOUNDS.items() if name in field]
    return ", ".join([kind, *bounds])


_BOUNDS: Final = {
    "pattern": "like {}",
    "minimum": "≥ {}",
    "maximum": "≤ {}",
    "maxLength": "≤ {} characters",
}
