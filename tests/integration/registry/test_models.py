"""A request in, a fact or a refusal out: models."""

import hashlib
import json
from typing import Any

import lightgbm
import pytest

from chassis.objects import Location
from tests.integration.registry.bodies import registration
from tests.integration.registry.test_fitness import booster
from tests.models import boosted
from tests.unit.registry.samples import GOOD, ONNX, PICKLE

pytestmark = pytest.mark.usefixtures("registry")

REGISTER = "ModelRegistrationRequested"
PRICED = boosted.ROWS.rename(columns={"a": "unit price"})


def lightgbm_text() -> bytes:
    """A model with a feature `unit price`, of which LightGBM makes `unit_price`."""
    params = {"verbose": -1, "num_threads": 1, "min_data_in_leaf": 5}
    trained = lightgbm.train(params, lightgbm.Dataset(PRICED, boosted.SCORE), 3)
    return trained.model_to_string().encode()


def signature(*names: str) -> dict[str, Any]:
    return {
        "inputs": [{"name": name, "type": "double", "required": False} for name in names],
        "outputs": [{"name": "prediction", "type": "double", "required": True}],
        "params": [],
    }


@pytest.fixture
def model_id(new_name) -> str:
    return new_name()


@pytest.fixture
def put(objects, model_id):
    """Lays bytes under `incoming/`; their address."""

    async def lay(path: str, data: bytes) -> str:
        location = Location("models", f"incoming/test/{model_id}/{path}")
        await objects.put(location, data)
        return str(location)

    return lay


async def test_a_model_becomes_a_version_with_its_own_copy(upstream, put, model_id, objects, database):
    uri = await put("model.pkl", PICKLE)
    registered = await upstream.requested(REGISTER, registration(model_id, uri))
    assert registered.type == "ml.ModelRegistered.v1"
    digest = hashlib.sha256(PICKLE).hexdigest()
    copy = f"s3://models/sha256/{digest}/model.pkl"
    assert registered.data["artifact"] == {"uri": copy, "sha256": digest, "size_bytes": len(PICKLE)}
    assert await objects.get(Location.parse(copy)) == PICKLE
    assert (registered.data["version"], registered.headers["ce_sequence"]) == (1, "1")
    assert registered.headers["ce_causationid"] == registered.data["request_id"]
    assert registered.data["card"] == {"$ref": "a", "$id": 1, "b.c": None}
    stored = await database["model_versions"].find_one({"_id": f"{model_id}/1"})
    assert json.loads(stored["event"]) == registered.data


async def test_the_same_again_is_matched_and_the_same_request_again_is_ignored(upstream, put, model_id):
    body = registration(model_id, await put("model.pkl", PICKLE))
    first = await upstream.request(REGISTER, body)
    await upstream.answer(first)
    await upstream.request(REGISTER, body, request_id=first)
    matched = await upstream.requested(REGISTER, body)
    assert (matched.type, matched.data["version"]) == ("ml.ModelRegistrationMatched.v1", 1)
    assert len(upstream.to(first)) == 1


@pytest.mark.parametrize("artifact_format", ["mlflow", "onnx", "jar"])
async def test_other_formats_are_registered_too(upstream, put, model_id, artifact_format):
    files = GOOD[artifact_format][0]
    uris = [await put(path, data) for path, data in files.items()]
    uri = f"{uris[0].rpartition('/')[0]}/" if artifact_format == "mlflow" else uris[0]
    registered = await upstream.requested(REGISTER, registration(model_id, uri, format=artifact_format))
    assert registered.type == "ml.ModelRegistered.v1"
    assert registered.data["artifact"]["size_bytes"] == sum(map(len, files.values()))


async def test_inputs_that_the_model_calls_something_else_are_told(upstream, put, model_id):
    body = registration(model_id, await put("model.txt", lightgbm_text()), format="lightgbm")
    registered = await upstream.requested(REGISTER, {**body, "signature": signature(*PRICED)})
    assert registered.type == "ml.ModelRegistered.v1", registered
    assert registered.data["bindings"] == [{"name": "unit price", "known_as": "unit_price"}]


async def test_names_are_taken_as_they_are(upstream, put, model_id, objects):
    name = "modèle 1+2 %41 &=.pkl"
    registered = await upstream.requested(REGISTER, registration(model_id, await put(name, PICKLE)))
    assert registered.data["artifact"]["uri"].endswith(f"/{name}")
    assert await objects.get(Location.parse(registered.data["artifact"]["uri"])) == PICKLE


async def test_requests_about_a_model_are_answered_in_order_of_arrival(upstream, put, model_id):
    uris = [await put(f"{number}.pkl", PICKLE[:-1] + bytes(number) + b".") for number in range(4)]
    asked = [await upstream.request(REGISTER, registration(model_id, uri)) for uri in uris]
    promotion = {"model_id": model_id, "version": 4, "alias": "champion"}
    promoted = await upstream.request("VersionPromotionRequested", promotion)
    archived = await upstream.request("ModelArchivalRequested", {"model_id": model_id, "version": 4})
    refused = await upstream.request("VersionPromotionRequested", promotion)
    answers = [await upstream.answer(each) for each in (*asked, promoted, archived)]
    assert [each.data.get("version") for each in answers] == [1, 2, 3, 4, 4, 4]
    assert [each.headers["ce_sequence"] for each in answers] == ["1", "2", "3", "4", "5", "6"]
    assert (await upstream.answer(refused)).code == "version-archived"


async def test_saying_something_new_of_a_model_updates_it_beside_the_answer(upstream, put, model_id):
    body = registration(model_id, await put("model.pkl", PICKLE))
    await upstream.requested(REGISTER, body)
    request_id = await upstream.request(REGISTER, {**body, "owner": "another"})
    await upstream.until(lambda: len(upstream.to(request_id)) == 2)
    assert [each.type for each in upstream.to(request_id)] == [
        "ml.ModelRegistrationMatched.v1",
        "ml.ModelUpdated.v1",
    ]


async def test_bad_artifacts_are_refused_with_their_codes(upstream, put, model_id, database):
    uri = await put("model.pkl", PICKLE)
    priced = {"artifact": {"uri": await put("model.txt", lightgbm_text())}, "format": "lightgbm"}
    early = await put("model.json", booster(stopped_early=True))
    large = await put("large.pkl", PICKLE[:-1] + bytes(65 * 1024 * 1024) + b".")
    bad = {
        "artifact-missing": [{"artifact": {"uri": f"{uri}x"}}, {"artifact": {"uri": f"{uri}/"}}],
        "artifact-digest-mismatch": [{"artifact": {"uri": uri, "sha256": "0" * 64}}],
        "artifact-format-mismatch": [
            {"format": "onnx"},
            {"format": "mlflow"},
            {"artifact": {"uri": await put("model.onnx", ONNX)}},
        ],
        "artifact-too-large": [{"artifact": {"uri": large}}],
        "signature-mismatch": [
            {**priced, "signature": signature(*PRICED, "unit_price")},
            {**priced, "signature": signature("b", "c")},
        ],
        "model-unsupported": [
            {"artifact": {"uri": early}, "format": "xgboost", "signature": signature(*boosted.NAMES)}
        ],
        "schema-invalid": [
            {"artifact": {"uri": f"s3://models/incoming/../{model_id}"}},
            {"artifact": {"uri": "s3://models/sha256/x"}},
            {"artifact": {"uri": "s3://datasets/x"}},
            {"artifact": {"uri": "https://example.org/x"}},
            {"format": "gguf"},
            {"markets": []},
        ],
    }
    asked = [
        (code, await upstream.request(REGISTER, {**registration(model_id, uri), **said}))
        for code, each in bad.items()
        for said in each
    ]
    for code, request_id in asked:
        refused = await upstream.answer(request_id)
        assert refused.code == code, refused
        assert refused.data["subject"] == model_id
        assert refused.data["violations"]
    assert await database["models"].find_one({"_id": model_id}) is None
    assert await database["registrations"].find_one({"about": f"model/{model_id}"}) is None


async def test_promotions_updates_and_archivals_are_answered(upstream, put, model_id):
    await upstream.requested(REGISTER, registration(model_id, await put("model.pkl", PICKLE)))
    about = {"model_id": model_id}
    promotion = {**about, "version": 1, "alias": "champion"}
    for name, body, answer in (
        ("VersionPromotionRequested", promotion, "ml.VersionPromoted.v1"),
        ("VersionPromotionRequested", {**promotion, "expected_version": 2}, "version-conflict"),
        ("VersionPromotionRequested", {**promotion, "version": 9}, "version-unknown"),
        ("VersionPromotionRequested", {**promotion, "scope": {"market": "IT"}}, "market-not-allowed"),
        ("VersionPromotionRequested", {**promotion, "model_id": f"{model_id}-x"}, "model-unknown"),
        ("ModelUpdateRequested", {**about, "name": "Other"}, "ml.ModelUpdated.v1"),
        ("ModelUpdateRequested", about, "schema-invalid"),
        ("ModelArchivalRequested", about, "ml.ModelArchived.v1"),
        ("ModelArchivalRequested", about, "model-archived"),
    ):
        given = await upstream.requested(name, body)
        assert answer in (given.type, given.code)
