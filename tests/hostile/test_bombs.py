"""A graph that is small as a file and large as soon as it runs: refused with the limit that it met."""

import asyncio
import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from chassis.sandbox.settings import SandboxSettings
from schemas.models import ModelRegistrationRequested
from services.executor.scoring.errors import ScoringError
from services.executor.scoring.model_session import ModelSession
from services.registry.inspection import Inspections
from services.registry.refusals import FieldRefusal
from tests.hostile import seeds
from tests.hostile.bombs import bomb, unknown_operator
from tests.hostile.store import OneArtifact, OneObject
from tests.hostile.trial import SIGNATURE, job_of, parts_of

SETTINGS = SandboxSettings(memory_bytes=3 << 30)
OF_THE_SANDBOX = "the sandbox's memory limit of 3072 MB was reached (MLP_SANDBOX_MEMORY_BYTES)"
GRAPHS = {
    "ConstantOfShape": ("artifact-unreadable", OF_THE_SANDBOX),
    "Expand": ("artifact-unreadable", OF_THE_SANDBOX),
    "Tile": ("model-unsupported", "the graph's node Tile makes a tensor beyond ONNX Runtime's limit of 4096 MB"),
    "an unknown one": ("model-unsupported", "the graph needs the operator Steal of nobody.has"),
}


@pytest.fixture(params=GRAPHS)
def graph(request, tmp_path):
    raw = bomb(request.param) if request.param in {"ConstantOfShape", "Expand", "Tile"} else unknown_operator()
    assert len(raw) < 300
    (tmp_path / "model.onnx").write_bytes(raw)
    (tmp_path / "model.onnx").chmod(0o644)
    tmp_path.chmod(0o755)
    return tmp_path / "model.onnx", *GRAPHS[request.param]


def test_it_is_no_version(graph):
    path, code, words = graph
    request = ModelRegistrationRequested.model_construct(format="onnx", signature=SIGNATURE, entrypoint=None)
    with pytest.raises(FieldRefusal) as refused:
        asyncio.run(Inspections(SETTINGS, 60)(path, request))
    assert refused.value.code == code
    assert words in str(refused.value)


def test_an_execution_of_one_fails(graph):
    path, code, words = graph
    sink = io.BytesIO()
    pq.write_table(pa.table([np.ones(20)] * 4, names=list(seeds.NAMES)), sink)
    data = OneObject(sink.getvalue())
    job = job_of(data, "parquet", "onnx")
    session = ModelSession(job, OneArtifact(path), SETTINGS)
    session.mount()
    try:
        with pytest.raises(ScoringError) as failed:
            list(parts_of(job, data, session))
        assert (failed.value.code, failed.value.retryable) == (code, False)
        assert words in failed.value.message
        assert session._child is None
    finally:
        session.close()
