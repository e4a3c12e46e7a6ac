"""The golden examples: what is on the wire stays readable, field by field."""

import json

import pytest
from jsonschema import Draft202012Validator

from schemas.catalogue import CATALOGUE, parse
from schemas.publishing.json_schemas import json_schemas
from tests.contract.goldens import NAMES, PATHS, read

EACH = pytest.mark.parametrize("path", PATHS, ids=NAMES)
SCHEMAS = json_schemas()
EITHER = {"ml.DeploymentRequested.v1": {"version"}, "ml.DeploymentActivated.v1": {"version"}}
AT_LEAST_ONE = {"ml.ModelUpdateRequested.v1": {"owner"}}


def test_every_message_has_a_minimal_and_a_full_example():
    assert {f"{ce_type}/{example}" for ce_type in CATALOGUE for example in ("minimal", "full")} <= set(NAMES)


def test_every_example_belongs_to_a_message():
    assert {path.parent.name for path in PATHS} == set(CATALOGUE)


@EACH
def test_an_example_is_what_its_json_schema_says(path):
    Draft202012Validator(SCHEMAS[path.parent.name]).validate(read(path))


@EACH
def test_an_example_survives_reading_and_writing(path):
    event = parse(path.parent.name, read(path))

    again = json.loads(event.to_json())

    assert parse(path.parent.name, again) == event
    Draft202012Validator(SCHEMAS[path.parent.name]).validate(again)
    assert again.items() >= read(path).items()


@EACH
def test_an_example_that_is_not_minimal_is_written_exactly_as_read(path):
    written = json.loads(parse(path.parent.name, read(path)).to_json())

    added = written.keys() - read(path).keys()

    assert path.stem == "minimal" or not {name for name in added if written[name]}


@pytest.mark.parametrize("ce_type", sorted(CATALOGUE))
def test_the_minimal_example_has_the_required_fields_alone(ce_type):
    minimal = next(read(path) for path in PATHS if path.parent.name == ce_type and path.stem == "minimal")
    beyond = EITHER.get(ce_type, set()) | AT_LEAST_ONE.get(ce_type, set())

    assert set(minimal) == set(SCHEMAS[ce_type]["required"]) | beyond


@pytest.mark.parametrize("ce_type", sorted(CATALOGUE))
def test_the_examples_together_have_every_field(ce_type):
    shown = set().union(*(read(path) for path in PATHS if path.parent.name == ce_type))

    assert shown == set(SCHEMAS[ce_type]["properties"])
