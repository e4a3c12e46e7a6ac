"""Sandboxed children that a process keeps warm, and the memories that their rows are read into."""

import pytest

from schemas.signature import Signature, SignatureField
from services.executor.scoring import warm_sessions
from services.executor.scoring.job import ModelArtifact, ScoringInput, ScoringJob
from services.executor.scoring.settings import ScoringSettings


@pytest.fixture(autouse=True)
def no_models():
    warm_sessions._warm.clear()
    yield
    warm_sessions._warm.clear()


def job(model: str, *, data_format: str = "parquet") -> ScoringJob:
    inputs = (SignatureField(name="price", type="double", required=True),)
    return ScoringJob(
        execution_id="e",
        attempt=1,
        deployment_id="d",
        model=ModelArtifact(
            id="demand",
            version=3,
            format="onnx",
            uri=f"s3://models/sha256/{model}/m",
            sha256=model,
            signature=Signature(inputs=inputs, outputs=(), params=()),
        ),
        input=ScoringInput(uri="s3://datasets/x/", format=data_format, objects=()),
        output_prefix="s3://results/d/e/attempt-1/",
    )


def warm(model: str, **said):
    return warm_sessions.warm_session(job(model, **said), ScoringSettings())


def test_a_model_gets_its_child_and_its_memories_again():
    assert warm("a") is warm("a")


def test_text_is_read_by_another_child_than_parquet():
    assert warm("a") is not warm("a", data_format="csv")


def test_no_model_ever_sees_memory_that_another_was_shown():
    first, second = warm("a").memories, warm("b").memories
    shown = first.take(1)
    first.give_back(shown)
    assert shown not in [second.take(1) for _ in range(4)]
    assert warm("c").memories not in (first, second)
    assert warm("a").memories is not first


def test_the_least_recently_used_one_makes_room(monkeypatch):
    closed = []

    def close(session):
        closed.append(session)

    monkeypatch.setattr(warm_sessions.ModelSession, "close", close)
    first, second = warm("a").session, warm("b").session
    warm("a")
    warm("c")
    assert second in closed
    assert first not in closed
