"""What the registry takes into its part of the bucket, and what it doesn't."""

import hashlib
import os
import tempfile
import zlib
from pathlib import Path

import pytest

from chassis.errors import ObjectsUnavailable, Refusal
from chassis.object_errors import ObjectForbidden, ObjectUnfit
from schemas.values import Artifact
from services.registry.artifacts import Artifacts, Limits, directory_digest
from tests.unit.registry.fakes import FakeObjects, recognised, relied_on
from tests.unit.registry.requests import registration
from tests.unit.registry.samples import BAD, GOOD, PICKLE, field

INCOMING = "s3://models/incoming/x"


@pytest.fixture
def objects() -> FakeObjects:
    return FakeObjects()


async def take(objects, files, artifact_format="sklearn", *, max_bytes=10**9, max_objects=10, **ref) -> Artifact:
    for path, data in files.items():
        objects[f"{INCOMING}/{path}"] = data
    first = next(iter(files))
    uri = f"{INCOMING}/{first.split('/')[0]}"
    with tempfile.TemporaryDirectory() as folder:
        artifacts = Artifacts(objects, Limits(max_bytes, max_objects), recognised, Path(folder))
        asked = registration(artifact={"uri": uri, **ref}, format=artifact_format)
        taken = await artifacts.take(asked, relied_on)
        assert os.listdir(folder) == []  # noqa: PTH208 - nothing blocks here
    return taken.artifact


async def refusal(*args, **kwargs) -> str:
    with pytest.raises(Refusal) as refused:
        await take(*args, **kwargs)
    assert refused.value.violations
    return refused.value.code


def cases(samples):
    return [
        pytest.param(name, files, id=f"{name}-{number}")
        for name, each in samples.items()
        for number, files in enumerate(each)
    ]


@pytest.mark.parametrize(("artifact_format", "files"), cases(GOOD))
async def test_an_artifact_of_the_stated_format_is_copied_under_its_digest(objects, artifact_format, files):
    kept = await take(objects, files, artifact_format)
    assert kept.size_bytes == sum(len(data) for data in files.values())
    if kept.uri.endswith("/"):
        digests = [(path.removeprefix("d/"), len(d), hashlib.sha256(d).hexdigest()) for path, d in files.items()]
        assert kept.sha256 == directory_digest(digests)
        assert {uri: objects.bytes[uri] for uri in objects.writes} == {
            f"{kept.uri}{path.removeprefix('d/')}": data for path, data in files.items()
        }
    else:
        (name, data), *_ = files.items()
        assert kept == Artifact(
            uri=f"s3://models/sha256/{kept.sha256}/{name}",
            sha256=hashlib.sha256(data).hexdigest(),
            size_bytes=len(data),
        )
        assert objects.bytes[kept.uri] == data


@pytest.mark.parametrize(("artifact_format", "files"), cases(BAD))
async def test_an_artifact_of_another_format_is_refused_and_not_copied(objects, artifact_format, files):
    assert await refusal(objects, files, artifact_format) == "artifact-format-mismatch"
    assert objects.writes == []


@pytest.mark.parametrize("data", [PICKLE, zlib.compress(PICKLE)], ids=["plain", "compressed"])
async def test_a_pickle_said_to_be_onnx_is_told_what_it_is(objects, data):
    with pytest.raises(Refusal, match="is a pickle or joblib file, no ONNX ModelProto"):
        await take(objects, {"model.onnx": data}, "onnx")
    with pytest.raises(Refusal, match="is no ONNX ModelProto: it has fields that no model has"):
        await take(objects, {"model.onnx": field(1, b"ten")}, "onnx")


async def test_a_directorys_digest_is_that_of_its_sorted_lines():
    one, two = "1" * 64, "2" * 64
    expected = hashlib.sha256(f"a\x005\x00{one}\nb/c\x006\x00{two}\n".encode()).hexdigest()
    assert directory_digest([("b/c", 6, two), ("a", 5, one)]) == expected


async def test_the_given_digest_is_compared_before_anything_is_written(objects):
    assert await refusal(objects, {"model.pkl": PICKLE}, sha256="0" * 64) == "artifact-digest-mismatch"
    assert objects.writes == []
    digest = hashlib.sha256(PICKLE).hexdigest()
    assert (await take(objects, {"model.pkl": PICKLE}, sha256=digest)).sha256 == digest


async def test_what_is_not_there_is_refused(objects, tmp_path):
    artifacts = Artifacts(objects, Limits(100, 100), recognised, tmp_path)
    for uri in (f"{INCOMING}/nothing.pkl", f"{INCOMING}/nothing/"):
        with pytest.raises(Refusal) as refused:
            await artifacts.take(registration(artifact={"uri": uri}), relied_on)
        assert refused.value.code == "artifact-missing"


async def test_too_many_bytes_or_objects_are_refused_unread(objects):
    files = {"d/MLmodel": b"flavors:", "d/a": b"12345678"}
    assert await refusal(objects, files, "mlflow", max_bytes=15) == "artifact-too-large"
    assert await refusal(objects, files, "mlflow", max_objects=1) == "artifact-too-large"
    assert (await take(objects, files, "mlflow", max_bytes=16, max_objects=2)).size_bytes == 16


@pytest.mark.parametrize("path", ["d/../x.pkl", "d/./x.pkl", "d//x.pkl", "d/a\\b", "d/a?b", "d/a\nb", "d/" + "ä" * 451])
async def test_objects_with_names_that_lead_elsewhere_are_refused(objects, path):
    assert await refusal(objects, {"d/MLmodel": b"flavors:", path: b"x"}, "mlflow") == "artifact-path-invalid"
    assert objects.writes == []


async def test_a_copy_that_is_there_is_not_written_again(objects):
    await take(objects, {"model.pkl": PICKLE})
    await take(objects, {"model.pkl": PICKLE})
    assert len(objects.writes) == 1


async def test_a_copy_that_rotted_is_written_again(objects):
    kept = await take(objects, {"model.pkl": PICKLE})
    objects.bytes[kept.uri] = b"x" * len(PICKLE)
    await take(objects, {"model.pkl": PICKLE})
    assert objects.bytes[kept.uri] == PICKLE


async def test_a_store_that_does_not_give_back_what_was_written_is_an_outage(objects):
    async def lose(source, target):
        return hashlib.sha256(PICKLE).hexdigest()

    objects.copy_stream = lose
    with pytest.raises(ObjectsUnavailable):
        await take(objects, {"model.pkl": PICKLE})


async def test_bytes_that_change_while_they_are_read_are_refused(objects):
    def change():
        objects[f"{INCOMING}/model.pkl"] = PICKLE + b"."

    objects.before_read = change
    assert await refusal(objects, {"model.pkl": PICKLE}) == "artifact-changed"
    assert objects.writes == []


async def test_bytes_that_vanish_while_they_are_read_are_refused(objects):
    objects.before_read = objects.bytes.clear
    assert await refusal(objects, {"model.pkl": PICKLE}) == "artifact-missing"


@pytest.mark.parametrize(("said", "code"), [(ObjectForbidden, "artifact-forbidden"), (ObjectUnfit, "artifact-unfit")])
@pytest.mark.parametrize("path", ["", "/model.pkl"], ids=["what lies there", "one object"])
async def test_what_the_store_does_not_give_is_refused_with_its_reason(objects, said, code, path):
    objects.broken[f"{INCOMING}{path}"] = said(f"{INCOMING}{path} (InvalidObjectState: it is archived)")
    with pytest.raises(Refusal, match="InvalidObjectState: it is archived") as refused:
        await take(objects, {"model.pkl": PICKLE})
    assert (refused.value.code, refused.value.violations[0].field) == (code, "artifact.uri")


async def test_a_sender_is_not_blamed_for_where_the_registry_may_not_write(objects):
    objects.broken["s3://models/sha256/"] = ObjectForbidden("s3://models/sha256/a (AccessDenied)")
    with pytest.raises(ObjectForbidden):
        await take(objects, {"model.pkl": PICKLE})


async def test_no_more_is_listed_than_an_artifact_may_have(objects, tmp_path):
    for number in range(500):
        objects[f"s3://models/incoming/somebody/{number}.pkl"] = PICKLE
    artifacts = Artifacts(objects, Limits(10**9, 10), recognised, tmp_path)
    with pytest.raises(Refusal, match="more than 10 objects") as refused:
        await artifacts.take(registration(artifact={"uri": "s3://models/incoming/somebody/"}), relied_on)
    assert (refused.value.code, objects.listed) == ("artifact-too-large", 11)
