"""What may change in a released schema: optional fields may be added, and nothing else.

General schema comparers judge whether one schema's values are a subset of another's; by that rule an open object
can't gain even an optional field. The rule here is narrower and simpler, and it is transitive: whatever
passes against the last release can be read by, and can read, every release before it.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from schemas.publishing.json_schemas import Json

_PROSE: Final = frozenset({"title", "description", "examples", "$comment", "$id", "$schema", "$defs"})
_STRUCTURE: Final = frozenset(
    {"properties", "required", "items", "additionalProperties", "propertyNames", "anyOf", "x-topics"}
)


def breaking_changes(released: Mapping[str, Json], current: Mapping[str, Json]) -> list[str]:
    """What in `current` breaks `released` (both by `ce_type`), in words; a new message breaks nothing."""
    return [change for ce_type, schema in sorted(released.items()) for change in _of(ce_type, schema, current)]


def _of(ce_type: str, released: Json, current: Mapping[str, Json]) -> Iterator[str]:
    if ce_type not in current:
        yield f"{ce_type}: the message was removed"
        return
    for change in _Comparison(released, current[ce_type]).changes(released, current[ce_type], ""):
        yield f"{ce_type}: {change}"


class _Comparison:
    """Two documents whose references are followed while their parts are compared."""

    def __init__(self, released: Json, current: Json) -> None:
        self._released = released
        self._current = current

    def changes(self, old: Json, new: Json, path: str) -> Iterator[str]:
        old, new = _followed(old, self._released), _followed(new, self._current)
        yield from _keyword_changes(old, new, path)
        yield from _required_changes(old, new, path)
        yield from _topic_changes(old, new)
        yield from self._property_changes(old, new, path)
        yield from self._part_changes(old, new, path)

    def _property_changes(self, old: Json, new: Json, path: str) -> Iterator[str]:
        properties = new.get("properties", {})
        for name, schema in old.get("properties", {}).items():
            inner = f"{path}.{name}" if path else name
            if name in properties:
                yield from self.changes(schema, properties[name], inner)
            else:
                yield f"{inner}: the field was removed or renamed"

    def _part_changes(self, old: Json, new: Json, path: str) -> Iterator[str]:
        for keyword, suffix in (("items", "[]"), ("additionalProperties", "{}"), ("propertyNames", "{} names")):
            yield from self._branch_changes([old.get(keyword)], [new.get(keyword)], path + suffix)
        yield from self._branch_changes(old.get("anyOf", []), new.get("anyOf", []), path)

    def _branch_changes(self, old: list[Any], new: list[Any], path: str) -> Iterator[str]:
        if len(old) != len(new):
            yield f"{path}: its type changed: {len(old)} alternatives became {len(new)}"
            return
        for before, after in zip(old, new, strict=True):
            if isinstance(before, dict) and isinstance(after, dict):
                yield from self.changes(before, after, path)
            elif before != after:
                yield f"{path}: its type changed"


def _followed(schema: Json, document: Json) -> Json:
    """`schema` with its reference, if it is one, replaced by what that names."""
    if "$ref" not in schema:
        return schema
    name = schema["$ref"].removeprefix("#/$defs/")
    siblings = {key: value for key, value in schema.items() if key != "$ref"}
    return {**document["$defs"][name], **siblings}


def _keyword_changes(old: Json, new: Json, path: str) -> Iterator[str]:
    for keyword in sorted((old.keys() | new.keys()) - _PROSE - _STRUCTURE):
        before, after = old.get(keyword), new.get(keyword)
        if before != after:
            yield f"{path or 'the message'}: {keyword} changed from {before} to {after}"


def _required_changes(old: Json, new: Json, path: str) -> Iterator[str]:
    before, after = set(old.get("required", [])), set(new.get("required", []))
    for name in sorted(after - before):
        state = "became required" if name in old.get("properties", {}) else "was added as required"
        yield f"{_inside(path, name)}: the field {state}"
    for name in sorted(before - after):
        if name in new.get("properties", {}):
            yield f"{_inside(path, name)}: the field became optional"


def _topic_changes(old: Json, new: Json) -> Iterator[str]:
    for topic in sorted(set(old.get("x-topics", [])) - set(new.get("x-topics", []))):
        yield f"the message: it no longer stands on {topic}"


def _inside(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
