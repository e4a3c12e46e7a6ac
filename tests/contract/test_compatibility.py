"""A released message only gains optional fields; every other change is named."""

import copy
import json
from pathlib import Path

import pytest

from schemas.generate import RELEASED, ROOT, incompatibilities, release
from schemas.publishing.compatibility import breaking_changes
from schemas.publishing.json_schemas import json_schemas

TYPE = "ml.ModelRegistrationRequested.v1"
SCHEMA = json_schemas()[TYPE]


def compare(change):
    changed = copy.deepcopy(SCHEMA)
    change(changed)
    return breaking_changes({TYPE: SCHEMA}, {TYPE: changed})


def drop(schema, name):
    schema["properties"].pop(name)
    schema["required"] = [each for each in schema["required"] if each != name]


def rename(schema, name, new):
    schema["properties"][new] = schema["properties"].pop(name)
    schema["required"] = [new if each == name else each for each in schema["required"]]


def add_required(schema, name):
    schema["properties"][name] = {"type": "string"}
    schema["required"].append(name)


BREAKS = {
    "a removed optional field": (lambda s: drop(s, "task"), "task: the field was removed or renamed"),
    "a removed required field": (lambda s: drop(s, "owner"), "owner: the field was removed or renamed"),
    "a renamed field": (lambda s: rename(s, "owner", "team"), "owner: the field was removed or renamed"),
    "a new required field": (lambda s: add_required(s, "licence"), "licence: the field was added as required"),
    "an optional field made required": (lambda s: s["required"].append("task"), "task: the field became required"),
    "a required field made optional": (lambda s: s["required"].remove("owner"), "owner: the field became optional"),
    "another type": (
        lambda s: s["properties"]["owner"].update(type="integer"),
        "owner: type changed from string to integer",
    ),
    "a value that an enumeration lost": (
        lambda s: s["properties"]["format"]["enum"].remove("r"),
        "format: enum changed from",
    ),
    "a value that an enumeration gained": (
        lambda s: s["properties"]["format"]["enum"].append("pmml"),
        "format: enum changed from",
    ),
    "a narrower pattern": (
        lambda s: s["properties"]["model_id"].update(pattern="^[a-z]+$"),
        "model_id: pattern changed from",
    ),
    "a tighter limit": (
        lambda s: s["properties"]["name"].update(maxLength=50),
        "name: maxLength changed from 200 to 50",
    ),
    "a new limit": (
        lambda s: s["properties"]["markets"]["items"].update(minLength=2),
        "markets[]: minLength changed from None to 2",
    ),
    "another default": (lambda s: s["properties"]["owner"].update(default="me"), "owner: default changed"),
    "an optional field that refuses null": (
        lambda s: s["properties"]["task"]["anyOf"].pop(),
        "task: its type changed: 2 alternatives became 1",
    ),
    "values of a map": (
        lambda s: s["properties"]["tags"]["anyOf"][0]["additionalProperties"].update(type="number"),
        "tags{}: type changed from string to number",
    ),
    "names of a map": (
        lambda s: s["properties"]["tags"]["anyOf"][0]["propertyNames"].update(maxLength=5),
        "tags{} names: maxLength changed from 100 to 5",
    ),
    "a field of a part": (
        lambda s: drop(s["$defs"]["SignatureField"], "type"),
        "signature.inputs[].type: the field was removed or renamed",
    ),
    "another subject": (lambda s: s.update({"x-subject": "name"}), "the message: x-subject changed"),
    "a topic that is left": (
        lambda s: s.update({"x-topics": ["ml.elsewhere"]}),
        "the message: it no longer stands on ml.model.requests",
    ),
}


@pytest.mark.parametrize("name", BREAKS)
def test_a_breaking_change_is_named(name):
    change, message = BREAKS[name]

    found = compare(change)

    assert any(line.startswith(f"{TYPE}: {message}") for line in found), found


def test_a_message_that_is_gone_breaks():
    assert breaking_changes({TYPE: SCHEMA}, {}) == [f"{TYPE}: the message was removed"]


def test_optional_fields_new_messages_further_topics_and_other_words_break_nothing():
    def change(schema):
        schema["properties"]["licence"] = {"type": "string"}
        schema["$defs"]["ArtifactRef"]["properties"]["etag"] = {"type": "string"}
        schema["properties"]["owner"]["description"] = "Who answers for it."
        schema["x-topics"].append("ml.elsewhere")

    assert compare(change) == []
    assert breaking_changes({}, {TYPE: SCHEMA}) == []


def test_a_part_that_is_moved_out_of_line_breaks_nothing():
    def change(schema):
        schema["$defs"]["Owner"] = schema["properties"]["owner"]
        schema["properties"]["owner"] = {"$ref": "#/$defs/Owner"}

    assert compare(change) == []


def test_the_code_breaks_no_released_schema():
    assert incompatibilities(ROOT) == []
    assert list((ROOT / RELEASED).glob("*.json"))


def test_what_was_released_is_what_is_checked(tmp_path: Path):
    release(tmp_path)
    assert incompatibilities(tmp_path) == []
    path = tmp_path / RELEASED / f"{TYPE}.json"
    older = json.loads(path.read_text())
    add_required(older, "licence")
    path.write_text(json.dumps(older))

    assert incompatibilities(tmp_path) == [f"{TYPE}: licence: the field was removed or renamed"]
