"""The host's copies of artifacts."""

import pytest

from services.executor.scoring.artifacts import ArtifactCache
from services.executor.scoring.errors import ScoringError
from services.executor.scoring.objects import MODELS, Bucket

CONTENT = b"the same bytes under two names"


@pytest.fixture
def cache(s3, tmp_path) -> ArtifactCache:
    return ArtifactCache(Bucket(s3, MODELS), tmp_path / "cache", max_bytes=1 << 20)


def test_the_same_bytes_under_two_names_are_both_found(bench, cache):
    for name in ("autumn.onnx", "winter.onnx"):
        with cache.checked_out(bench.model(CONTENT, name, format="onnx")) as path:
            assert path.read_bytes() == CONTENT


def test_a_copy_that_was_damaged_on_this_host_is_fetched_again(bench, cache):
    model = bench.model(CONTENT, "model.onnx", format="onnx")
    with cache.checked_out(model) as path:
        path.chmod(0o644)
        path.write_bytes(b"something else")

    with cache.checked_out(model) as path:
        assert path.read_bytes() == CONTENT


def test_an_object_of_another_digest_is_not_used(bench, cache):
    model = bench.model(CONTENT, "model.onnx", format="onnx")
    bench.models.put(f"sha256/{model.sha256}/model.onnx", b"something else")

    with pytest.raises(ScoringError) as caught, cache.checked_out(model):
        pass

    assert caught.value.code == "artifact-digest-mismatch"
