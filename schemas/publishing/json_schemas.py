"""One JSON Schema (draft 2020-12) for each message."""

from typing import Any, Final

from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from schemas.catalogue import CATALOGUE
from schemas.event import Event

Json = dict[str, Any]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


class _Generator(GenerateJsonSchema):
    """Less noise: a field's name is its title, and one that may be absent has no `default: null`."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        _ = schema
        return False

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> Json:
        json = super().default_schema(schema)
        return {key: value for key, value in json.items() if key != "default" or value is not None}

    def dict_schema(self, schema: core_schema.DictSchema) -> Json:
        """Names that break their pattern are forbidden, where `patternProperties` alone would let them pass."""
        json = super().dict_schema(schema)
        for pattern, values in json.pop("patternProperties", {}).items():
            json["propertyNames"] = {**json.get("propertyNames", {}), "pattern": pattern}
            json["additionalProperties"] = values
        return json


def json_schema(event: type[Event]) -> Json:
    """The schema of the record's value. `x-topics`, `x-kind` and `x-subject` say what CloudEvents carries beside it."""
    return {
        "$schema": DIALECT,
        "$id": f"{event.event_type}.json",
        "x-topics": [topic.name for topic in event.topics],
        "x-kind": event.kind.value,
        "x-subject": subject_field(event),
        **event.model_json_schema(by_alias=True, schema_generator=_Generator),
    }


def json_schemas() -> dict[str, Json]:
    """The schemas of the whole catalogue by `ce_type`."""
    return {ce_type: json_schema(event) for ce_type, event in sorted(CATALOGUE.items())}


def hoisted(ref_template: str = "#/components/schemas/{model}") -> dict[str, Json]:
    """All messages and their parts by class name, referring to each other by `ref_template`."""
    schemas: dict[str, Json] = {}
    for event in CATALOGUE.values():
        schema = event.model_json_schema(by_alias=True, schema_generator=_Generator, ref_template=ref_template)
        schemas |= schema.pop("$defs", {})
        schemas[event.__name__] = schema
    return dict(sorted(schemas.items()))


def subject_field(event: type[Event]) -> str:
    """The subject's name on the wire."""
    return event.model_fields[event.subject_field].alias or event.subject_field
