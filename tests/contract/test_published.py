"""The published documents: they are what the code says, well formed, and whole."""

from collections.abc import Iterator

import pytest
from jsonschema import Draft202012Validator

from schemas.catalogue import CATALOGUE
from schemas.generate import EVENTS_PAGE, PUBLISHED, ROOT, drift, main, outputs, write
from schemas.publishing.asyncapi import asyncapi
from schemas.publishing.json_schemas import json_schemas
from schemas.topics import TOPICS

DOCUMENT = asyncapi({})
SCHEMAS = json_schemas()


def references(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for inner in node.values():
            yield from references(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from references(inner)


def resolved(document: dict, reference: str) -> object:
    node = document
    for part in reference.removeprefix("#/").split("/"):
        node = node[part]
    return node


def test_what_is_committed_is_what_the_code_says():
    assert drift(ROOT) == []


def test_drift_is_told_in_one_line_a_file(tmp_path):
    write(tmp_path)
    assert drift(tmp_path) == drift(tmp_path) == []
    (tmp_path / EVENTS_PAGE).write_text("# Other\n")
    (tmp_path / PUBLISHED / "ml.ModelRegistered.v1.json").unlink()
    (tmp_path / PUBLISHED / "ml.Stranger.v1.json").write_text("{}")

    assert sorted(drift(tmp_path)) == [
        "docs/events.md:1: has '# Other', code says '# Events'",
        "schemas/published/ml.ModelRegistered.v1.json: missing",
        "schemas/published/ml.Stranger.v1.json: belongs to no message",
    ]


def test_writing_puts_right_what_had_drifted(tmp_path):
    (tmp_path / PUBLISHED).mkdir(parents=True)
    (tmp_path / PUBLISHED / "ml.Stranger.v1.json").write_text("{}")

    write(tmp_path)

    assert drift(tmp_path) == []


def test_the_check_passes_on_the_repository():
    assert main(["--check"]) == 0


def test_generating_twice_gives_the_same_bytes():
    assert outputs(ROOT) == outputs(ROOT)


@pytest.mark.parametrize("ce_type", sorted(SCHEMAS))
def test_a_schema_is_valid_names_itself_and_resolves(ce_type):
    schema = SCHEMAS[ce_type]

    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"{ce_type}.json"
    assert schema["description"]
    for reference in references(schema):
        assert resolved(schema, reference)


def test_every_field_says_what_it_means():
    for ce_type, schema in SCHEMAS.items():
        for part in (schema, *schema.get("$defs", {}).values()):
            for name, field in part["properties"].items():
                branches = [field, *field.get("anyOf", [])]
                assert any(branch.get("description") for branch in branches), f"{ce_type}: {part['title']}.{name}"


def test_every_reference_of_the_document_resolves():
    for reference in set(references(DOCUMENT)):
        assert resolved(DOCUMENT, reference)


def test_the_document_has_every_topic_with_its_settings():
    assert set(DOCUMENT["channels"]) == {topic.name for topic in TOPICS}
    for topic in TOPICS:
        binding = DOCUMENT["channels"][topic.name]["bindings"]["kafka"]
        assert binding["partitions"] == 12
        assert {key: str(value) for key, value in binding["topicConfiguration"].items() if key != "cleanup.policy"} == {
            key: topic.settings()[key] for key in ("retention.ms", "max.message.bytes")
        }


def test_the_document_has_every_message_on_its_channels():
    for event in CATALOGUE.values():
        assert DOCUMENT["components"]["messages"][event.__name__]["name"] == event.event_type
        for topic in event.topics:
            assert event.__name__ in DOCUMENT["channels"][topic.name]["messages"]


def test_operations_are_those_of_the_acls():
    operations = DOCUMENT["operations"]
    sends = {(name.split(".sends.")[0], name.split(".sends.")[1]) for name in operations if ".sends." in name}

    assert sends == {(writer, topic.name) for topic in TOPICS for writer in topic.writers}
    for operation in operations.values():
        channel = operation["channel"]["$ref"]
        assert {each["$ref"] for each in operation["messages"]} == {
            f"{channel}/messages/{name}" for name in resolved(DOCUMENT, channel)["messages"]
        }


def test_headers_carry_a_sequence_on_facts_and_a_token_where_outsiders_write():
    for event in CATALOGUE.values():
        headers = DOCUMENT["components"]["messages"][event.__name__]["headers"]
        assert ("ce_sequence" in headers["required"]) == (event.kind == "fact")
        assert ("authorization" in headers["properties"]) == any(topic.refusals for topic in event.topics)
        assert headers["properties"]["ce_type"] == {"const": event.event_type}
