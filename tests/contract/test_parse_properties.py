"""Whatever comes in, `parse` answers with an event or with violations, and agrees with the published schema."""

import json
from contextlib import suppress

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from schemas.catalogue import CATALOGUE, SchemaViolation, parse
from schemas.publishing.json_schemas import json_schemas
from tests.contract.goldens import PATHS, read

TYPES = st.sampled_from(sorted(CATALOGUE))
EXAMPLES = [(path.parent.name, read(path)) for path in PATHS]
VALIDATORS = {ce_type: Draft202012Validator(schema) for ce_type, schema in json_schemas().items()}

# As `json.loads` gives it: with surrogates, NaN and whole numbers of any size.
TEXT = st.text(st.characters(codec=None, categories=None), max_size=30)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXT
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4))


def places(node: object, path: tuple = ()) -> list[tuple]:
    """Paths of all values below `node`."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [place for key, inner in items for place in ((*path, key), *places(inner, (*path, key)))]


def replaced(body: dict, path: tuple, value: object) -> dict:
    body = json.loads(json.dumps(body))
    node = body
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    return body


@st.composite
def bent_examples(draw: st.DrawFn) -> tuple[str, dict]:
    """A golden example of which one value is anything."""
    ce_type, body = draw(st.sampled_from(EXAMPLES))
    return ce_type, replaced(body, draw(st.sampled_from(places(body))), draw(JSON))


@given(TYPES, JSON)
@settings(max_examples=300)
def test_arbitrary_json_raises_nothing_but_a_schema_violation(ce_type, body):
    with suppress(SchemaViolation):
        parse(ce_type, body)


@given(bent_examples())
@settings(max_examples=800, suppress_health_check=[HealthCheck.too_slow])
def test_a_bent_example_is_refused_or_is_what_its_schema_says_and_survives_the_wire(case):
    ce_type, body = case
    try:
        event = parse(ce_type, body)
    except SchemaViolation:
        return

    written = json.loads(event.to_json())
    VALIDATORS[ce_type].validate(body)
    VALIDATORS[ce_type].validate(written)
    assert parse(ce_type, written) == event


@given(TYPES, st.integers(min_value=17, max_value=900))
@settings(max_examples=30)
def test_nesting_of_any_depth_is_refused(ce_type, depth):
    node: object = "deep"
    for _ in range(depth):
        node = [node]
    body = dict.fromkeys(CATALOGUE[ce_type].model_json_schema(by_alias=True)["properties"], node)

    try:
        parse(ce_type, body)
    except SchemaViolation:
        return
    raise AssertionError
