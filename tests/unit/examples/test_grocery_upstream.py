"""What the demo sends is what the published contracts take."""

from pathlib import Path
from typing import Any

import pytest

import schemas.catalogue  # noqa: F401 - fills CATALOGUE
from examples.grocery import requests
from examples.grocery.events import Message, read_message
from examples.grocery.prepare import Prepared
from examples.grocery.recipes import RECIPES, Recipe
from schemas.event import CATALOGUE


@pytest.fixture
def prepared(tmp_path: Path) -> Prepared:
    made = Prepared(tmp_path)
    for recipe in RECIPES:
        made.model(recipe).parent.mkdir(parents=True)
        made.model(recipe).write_bytes(recipe.model_id.encode())
    return made


def fact(type_: str, data: dict[str, Any], cause: Message, subject: str = "x") -> Message:
    return Message(
        topic="ml.model.events",
        type=type_,
        subject=subject,
        data=data,
        correlation_id=cause.correlation_id,
        causation_id=cause.id,
        source="/services/registry",
        sequence=1,
    )


def all_requests(prepared: Prepared, recipe: Recipe) -> list[Message]:
    dataset = requests.dataset_registration()
    registration = requests.model_registration(recipe, prepared, fact("DatasetRegistered", {}, dataset))
    deployment = requests.deployment(recipe, fact("ModelRegistered", {"version": 3}, registration))
    activated = fact("DeploymentActivated", {"revision": 2}, deployment, deployment.subject)
    return [dataset, registration, deployment, requests.execution(activated)]


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.model_id)
def test_every_request_fits_its_published_schema_and_topic(recipe: Recipe, prepared: Prepared) -> None:
    for request in all_requests(prepared, recipe):
        event_class = CATALOGUE[f"ml.{request.type}.v1"]
        event = event_class.model_validate_json(request.body())

        assert event.subject == request.subject
        assert request.topic in {topic.name for topic in event_class.topics}
        assert request.data.keys() <= {field.alias or name for name, field in event_class.model_fields.items()}


def test_the_whole_job_is_one_chain_from_the_first_request(prepared: Prepared) -> None:
    root, *others = all_requests(prepared, RECIPES[0])

    assert root.correlation_id == root.id
    assert root.causation_id is None
    assert {each.correlation_id for each in others} == {root.id}
    assert all(each.causation_id for each in others)


def test_an_execution_is_asked_for_at_least_at_the_revision_that_was_activated(prepared: Prepared) -> None:
    assert all_requests(prepared, RECIPES[0])[-1].data["deployment_revision"] == 2


def test_a_message_is_read_as_it_was_written() -> None:
    sent = fact("ModelRegistered", {"version": 1}, requests.dataset_registration())

    headers = [*sent.headers(), ("ce_sequence", b"1")]

    assert read_message(sent.topic, headers, sent.body()) == sent


def test_headers_are_those_of_a_binary_cloudevent() -> None:
    request = requests.dataset_registration()

    headers = dict(request.headers())

    assert headers["ce_specversion"] == b"1.0"
    assert headers["ce_type"] == b"ml.DatasetRegistrationRequested.v1"
    assert headers["ce_subject"] == request.key
    assert headers["content-type"] == b"application/json"
    assert headers["ce_time"].endswith(b"+00:00")
    assert len(headers["traceparent"]) == 55
