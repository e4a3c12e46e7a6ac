"""What breaks a schema is named by field, in words that stay."""

import pytest

from schemas.catalogue import MAX_VIOLATIONS, SchemaViolation, parse
from schemas.topics import EXECUTION_OBSERVATIONS, METRIC_OBSERVATIONS, MODEL_EVENTS
from tests.contract.goldens import golden

SLUG = "must be 2 to 63 lower-case letters, digits or hyphens, beginning with a letter"
TIME = "must be an RFC 3339 time with its offset, such as 2026-11-23T06:00:00Z"
INCOMING = "must lie under s3://models/incoming/, without empty, . or .. segments and none of \\ ? # { }"
INPUT = "must lie under s3://datasets/, without empty, . or .. segments and none of \\ ? # { } but {{ ds }}"
MARKET = "must be an ISO 3166-1 alpha-2 code, such as FR, or *"
NESTED: dict = {}
for _ in range(20):
    NESTED = {"deeper": NESTED}

CASES = [
    ("ModelRegistrationRequested", {"model_id": "Weekly Demand"}, "model_id", SLUG),
    ("ModelRegistrationRequested", {"model_id": "demand\n"}, "model_id", SLUG),
    ("ModelRegistrationRequested", {"name": " "}, "name", "must be one line of text, not blank"),
    ("ModelRegistrationRequested", {"name": "x" * 201}, "name", "must have at most 200 characters"),
    ("ModelRegistrationRequested", {"description": "a\0b"}, "description", "must not hold the character U+0000"),
    ("ModelRegistrationRequested", {"name": "\ud800"}, "name", "must be a string of Unicode characters"),
    ("ModelRegistrationRequested", {"markets": []}, "markets", "must not be empty"),
    ("ModelRegistrationRequested", {"markets": "FR"}, "markets", "must be a list"),
    ("ModelRegistrationRequested", {"markets": ["*", "FR"]}, "markets", "must be either countries or * alone"),
    ("ModelRegistrationRequested", {"markets": ["FR", "FR"]}, "markets", "must not name anything twice"),
    ("ModelRegistrationRequested", {"markets": ["France"]}, "markets.0", MARKET),
    ("ModelRegistrationRequested", {"tags": {"season": 3}}, "tags.season", "must be a string"),
    ("ModelRegistrationRequested", {"card": []}, "card", "must be a JSON object"),
    ("ModelRegistrationRequested", {"card": {"a": float("nan")}}, "card", "must not hold a number that is not finite"),
    ("ModelRegistrationRequested", {"card": {"a": 2**60}}, "card", "must not hold a whole number beyond ±(2^53 - 1)"),
    ("ModelRegistrationRequested", {"card": {"\ud800": 1}}, "card", "must not hold half of a surrogate pair"),
    ("ModelRegistrationRequested", {"card": NESTED}, "card", "must not be nested deeper than 16 levels"),
    *(
        ("ModelRegistrationRequested", {"artifact": {"uri": uri}}, "artifact.uri", INCOMING)
        for uri in (
            "s3://models/incoming/",
            "s3://models/incoming/../sha256/x",
            "s3://models/incoming/a/..",
            "s3://models/incoming/a//b",
            "s3://models/sha256/abc/model.onnx",
            "s3://datasets/model.onnx",
            "https://models/incoming/model.onnx",
            "s3://models/incoming/{{ ds }}/model.onnx",
            "s3://models/incoming/a\n",
        )
    ),
    ("VersionPromotionRequested", {"version": "2"}, "version", "must be a whole number"),
    ("VersionPromotionRequested", {"version": 2.0}, "version", "must be a whole number"),
    ("VersionPromotionRequested", {"version": True}, "version", "must be a whole number"),
    ("VersionPromotionRequested", {"version": 0}, "version", "must be at least 1"),
    ("VersionPromotionRequested", {"scope": {"market": "*"}}, "scope.market", MARKET.removesuffix(", or *")),
    ("DeploymentRequested", {"version": 1}, "version", "exactly one of version and alias must be given"),
    ("DeploymentRequested", {"alias": None}, "version", "exactly one of version and alias must be given"),
    ("DeploymentRequested", {"after": ["grocery-demand-fr"]}, "after", "must not name the deployment itself"),
    ("DeploymentRequested", {"retries": 11}, "retries", "must be at most 10"),
    (
        "DeploymentRequested",
        {"params": {"a": {}}},
        "params.a",
        "must be a boolean, a number, a string, or a list of these",
    ),
    (
        "DeploymentRequested",
        {"schedule": {"cron": "every day", "timezone": "Europe/Paris"}},
        "schedule.cron",
        "must be five cron fields, such as 0 6 * * 1",
    ),
    (
        "DeploymentRequested",
        {"schedule": {"cron": "0 6 * * 1", "timezone": "../etc/passwd"}},
        "schedule.timezone",
        "must be an IANA time zone, such as Europe/Paris",
    ),
    *(
        ("DeploymentRequested", {"input": {"uri": uri, "format": "csv"}}, "input.uri", INPUT)
        for uri in ("s3://results/a", "s3://datasets/../models/x", "s3://datasets/{{ds}}/a", "s3://datasets/{{ now }}")
    ),
    ("DeploymentChangeRequested", {"action": "stop"}, "action", "must be one of 'pause', 'resume' or 'retire'"),
    ("ExecutionRequested", {"execution_id": "run-1"}, "execution_id", "must be a UUID in lower case"),
    ("ExecutionRequested", {"logical_date": "2026-11-23"}, "logical_date", TIME),
    ("ExecutionRequested", {"logical_date": "2026-11-23T00:00:00"}, "logical_date", TIME),
    ("ExecutionRequested", {"logical_date": 1764000000}, "logical_date", TIME),
    (
        "ExecutionRequested",
        {"logical_date": "0001-01-01T00:00:00+14:00"},
        "logical_date",
        "must lie between the years 1 and 9999 in UTC",
    ),
    ("MetricsObserved", {"attempt": None}, "attempt", "execution_id and attempt must be given together"),
    ("MetricsObserved", {"points": []}, "points", "must not be empty"),
    (
        "SeriesObserved",
        {"points": [{"time": "2026-11-23T00:00:00Z", "value": "1"}]},
        "points.0.value",
        "must be a number",
    ),
]


@pytest.mark.parametrize(("name", "change", "field", "message"), CASES)
def test_a_bad_value_is_named_and_told_what_it_must_be(name, change, field, message):
    with pytest.raises(SchemaViolation) as caught:
        parse(f"ml.{name}.v1", {**golden(name), **change})

    assert [(each.field, each.message) for each in caught.value.violations] == [(field, message)]


@pytest.mark.parametrize("body", [None, 3, "text", [], [{}]])
def test_what_is_no_object_is_refused_as_a_whole(body):
    with pytest.raises(SchemaViolation, match="must be an object"):
        parse("ml.ExecutionRequested.v1", body)


def test_a_default_must_be_of_its_parameters_type():
    signature = {"inputs": [], "outputs": [], "params": [{"name": "weeks", "type": "integer", "default": 1.5}]}

    with pytest.raises(SchemaViolation, match=r"signature.params.0.default: must be of type integer"):
        parse("ml.ModelRegistrationRequested.v1", {**golden("ModelRegistrationRequested"), "signature": signature})


def test_a_signature_names_each_column_once():
    column = {"name": "price", "type": "double", "required": True}
    signature = {"inputs": [column, column], "outputs": [], "params": []}

    with pytest.raises(SchemaViolation, match=r"signature.inputs: must not name anything twice"):
        parse("ml.ModelRegistrationRequested.v1", {**golden("ModelRegistrationRequested"), "signature": signature})


def test_an_update_changes_something():
    with pytest.raises(SchemaViolation, match="must change at least one field"):
        parse("ml.ModelUpdateRequested.v1", {"model_id": "weekly-grocery-demand"})


def test_violations_are_bounded_however_bad_the_body():
    body = {**golden("ModelRegistrationRequested"), "tags": {"x" * 5000: 1}, "requirements": [1] * 500}

    with pytest.raises(SchemaViolation) as caught:
        parse("ml.ModelRegistrationRequested.v1", body)

    assert len(caught.value.violations) == MAX_VIOLATIONS
    assert max(len(each.field) for each in caught.value.violations) <= 200


def test_an_outsiders_observation_may_not_name_an_execution():
    own, outsiders = golden("MetricsObserved"), golden("MetricsObserved", "minimal")

    parse("ml.MetricsObserved.v1", own, topic=EXECUTION_OBSERVATIONS)
    parse("ml.MetricsObserved.v1", outsiders, topic=METRIC_OBSERVATIONS)
    with pytest.raises(SchemaViolation, match="only the executor's own"):
        parse("ml.MetricsObserved.v1", own, topic=METRIC_OBSERVATIONS)
    with pytest.raises(SchemaViolation, match="must name their execution"):
        parse("ml.MetricsObserved.v1", outsiders, topic=EXECUTION_OBSERVATIONS)


def test_a_message_on_a_topic_that_is_not_its_own_is_refused():
    with pytest.raises(SchemaViolation, match="does not belong on"):
        parse("ml.ExecutionRequested.v1", golden("ExecutionRequested"), topic=MODEL_EVENTS)


def test_times_are_kept_in_utc():
    event = parse(
        "ml.ExecutionRequested.v1", {**golden("ExecutionRequested"), "logical_date": "2026-11-23T02:00:00+02:00"}
    )

    assert b'"logical_date":"2026-11-23T00:00:00Z"' in event.to_json()
