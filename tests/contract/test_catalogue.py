"""CONTRACTS §3, written out a second time: the messages of each topic, their fields, and which are required."""

import pytest

from schemas.catalogue import CATALOGUE, SchemaViolation, UnknownEventType, event_class, parse
from schemas.event import Kind
from schemas.publishing.json_schemas import json_schemas
from tests.contract.goldens import golden

MODEL = "model_id name description function owner markets brands format task? tags? signature? entrypoint? \
requirements? card? artifact"
DEPLOYMENT = "deployment_id name model_id version? alias? market brand? input keep? params? schedule? after? \
resources? retries? timeout_s?"
EXECUTION = "execution_id deployment_id deployment_revision model_id model_version market brand? trigger \
requested_by requested_at logical_date? request_id"
CHANGE = "deployment_id revision changed_by reason? request_id"
DATASET = "dataset_id name uri format markets brands function? description?"

FIELDS = {
    "ml.model.requests": {
        "ModelRegistrationRequested": MODEL,
        "VersionPromotionRequested": "model_id version alias scope? expected_version? reason?",
        "ModelUpdateRequested": "model_id name? description? owner? tags? card? markets? brands?",
        "ModelArchivalRequested": "model_id version? reason?",
    },
    "ml.model.events": {
        "ModelRegistered": f"{MODEL} version bindings? inspected_by? registered_by registered_at request_id",
        "ModelRegistrationMatched": "model_id version request_id",
        "VersionInspected": "model_id version inspected_by inspected_at unfit? bindings?",
        "VersionPromoted": "model_id alias scope version previous_version? promoted_by request_id",
        "ModelUpdated": "model_id changes updated_by request_id",
        "ModelArchived": "model_id version? archived_by request_id",
    },
    "ml.dataset.requests": {"DatasetRegistrationRequested": DATASET, "DatasetRetirementRequested": "dataset_id"},
    "ml.dataset.events": {
        "DatasetRegistered": f"{DATASET} schema objects rows? size_bytes registered_by? registered_at? request_id",
        "DatasetRetired": "dataset_id retired_by? request_id",
    },
    "ml.deployment.requests": {
        "DeploymentRequested": f"{DEPLOYMENT} expected_revision?",
        "DeploymentChangeRequested": "deployment_id action reason?",
    },
    "ml.deployment.events": {
        "DeploymentActivated": f"{DEPLOYMENT} revision scheduling dag_id? requested_by request_id",
        "DeploymentPaused": CHANGE,
        "DeploymentResumed": CHANGE,
        "DeploymentRetired": CHANGE,
    },
    "ml.execution.requests": {
        "ExecutionRequested": "execution_id deployment_id trigger params? input? logical_date? deployment_revision?",
        "ExecutionCancellationRequested": "execution_id reason?",
    },
    "ml.execution.events": {
        "ExecutionQueued": EXECUTION,
        "ExecutionMatched": "execution_id request_id",
        "ExecutionStarted": "execution_id attempt executor_id started_at",
        "ExecutionCancelling": "execution_id requested_by reason? request_id",
        "ExecutionFinished": f"{EXECUTION} attempt status started_at? finished_at duration_s queue_s rows_in rows_out \
rows_rejected output? metrics error? log_uri?",
    },
    "ml.execution.progress": {
        "ExecutionProgressed": "execution_id attempt rows_done rows_total? splits_done splits_total"
    },
    "ml.execution.observations": {
        "MetricsObserved": "model_id model_version? deployment_id? market? brand? points execution_id? attempt?"
    },
    "ml.metric.observations": {
        "MetricsObserved": "model_id model_version? deployment_id? market? brand? points execution_id? attempt?",
        "SeriesObserved": "series_id points",
    },
    **{
        f"ml.{subject}.refusals": {"RequestRejected": "request_id request_type subject code message violations"}
        for subject in ("model", "dataset", "deployment", "execution", "metric")
    },
}
SCHEMAS = json_schemas()
ROWS = [(name, fields) for messages in FIELDS.values() for name, fields in messages.items()]
KINDS = {"requests": Kind.REQUEST, "events": Kind.FACT, "refusals": Kind.REFUSAL}
KINDS |= {"observations": Kind.OBSERVATION, "progress": Kind.PROGRESS}
REQUIRED = [
    (ce_type.split(".")[1], field) for ce_type, schema in sorted(SCHEMAS.items()) for field in schema["required"]
]


def test_each_topic_carries_the_messages_of_the_contract():
    declared = {(topic.name, event.__name__) for event in CATALOGUE.values() for topic in event.topics}

    assert declared == {(topic, name) for topic, messages in FIELDS.items() for name in messages}


@pytest.mark.parametrize(("name", "fields"), ROWS, ids=[name for name, _ in ROWS])
def test_a_message_has_the_fields_of_the_contract(name, fields):
    schema = SCHEMAS[f"ml.{name}.v1"]

    assert set(schema["properties"]) == {field.rstrip("?") for field in fields.split()}
    assert set(schema["required"]) == {field for field in fields.split() if not field.endswith("?")}


def test_a_message_is_of_the_kind_of_its_topics():
    for event in CATALOGUE.values():
        assert {KINDS[topic.name.rsplit(".", 1)[1]] for topic in event.topics} == {event.kind}


def test_the_subject_is_the_aggregates_id_and_a_refusals_the_requests():
    assert parse("ml.ExecutionFinished.v1", golden("ExecutionFinished")).subject.startswith("6f1f0c2e")
    assert parse("ml.SeriesObserved.v1", golden("SeriesObserved")).subject == "sales/FR/maison-verte"
    refusal = golden("RequestRejected")
    assert parse("ml.RequestRejected.v1", refusal).subject == refusal["request_id"] != refusal["subject"]


@pytest.mark.parametrize(("name", "field"), REQUIRED)
def test_a_required_field_that_is_missing_is_named(name, field):
    body = {key: value for key, value in golden(name).items() if key != field}

    with pytest.raises(SchemaViolation) as caught:
        parse(f"ml.{name}.v1", body)

    assert [(each.field, each.message) for each in caught.value.violations] == [(field, "is required")]


def test_fields_that_nobody_knows_are_ignored():
    body = golden("ModelRegistered")

    assert parse("ml.ModelRegistered.v1", {**body, "colour": "blue"}) == parse("ml.ModelRegistered.v1", body)


def test_an_unknown_type_is_told_apart_from_a_bad_body():
    with pytest.raises(UnknownEventType):
        parse("ml.ModelBaked.v1", {})
    with pytest.raises(UnknownEventType):
        event_class("ml.ModelRegistered.v2")
