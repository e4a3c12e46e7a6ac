"""The models: a linear one and boosted trees for each kind of input, as files, and as the platform knows them."""

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import joblib
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.scoring.inputs import Input
from benchmarks.subjects import request
from examples.grocery.bus import Bus
from schemas.signature import Signature, SignatureField
from services.executor.scoring.job import ModelArtifact
from services.executor.scoring.objects import MODELS, Bucket

KINDS: Final = ("linear", "boosted")
_ANSWERS: Final = {"ModelRegistered", "ModelRegistrationMatched"}


@dataclass(frozen=True)
class Model:
    """A model's file for who reads files, and its artifact for a scoring job."""

    kind: str
    path: Path
    artifact: ModelArtifact


def train(kind: str, data: Input, datasets: Bucket, models: Bucket, folder: Path) -> Model:
    """Fitted to rows from the input's beginning and end; the same bytes every time."""
    raw = _fitted(kind, data, datasets)
    digest = hashlib.sha256(raw).hexdigest()
    # Inputs of two sizes have models of their own.
    name = f"bench-scoring-{kind}-{digest[:12]}"
    path = folder / f"{name}.joblib"
    path.write_bytes(raw)
    # Where the registry's copy will lie: this is the same, for jobs that don't come by the bus.
    uri = models.put(f"sha256/{digest}/{path.name}", raw)
    models.put(_incoming(path), raw)
    inputs = tuple(SignatureField(name=each, type=data.column_type, required=True) for each in data.columns)
    outputs = (SignatureField(name="prediction", type="double", required=True),)
    signature = Signature(inputs=inputs, outputs=outputs, params=())
    return Model(
        kind, path, ModelArtifact(id=name, version=1, format="sklearn", uri=uri, sha256=digest, signature=signature)
    )


async def register(bus: Bus, model: Model) -> int:
    """The version that it is in the registry."""
    artifact = model.artifact
    described = {
        "model_id": artifact.id,
        "name": f"Benchmark, {model.kind}",
        "description": "Registered by the scoring benchmark.",
        "function": "other",
        "owner": "benchmarks",
        "markets": ["*"],
        "brands": [],
        "format": artifact.format,
        "artifact": {"uri": f"s3://{MODELS}/{_incoming(model.path)}", "sha256": artifact.sha256},
        "signature": artifact.signature.model_dump(mode="json", exclude_none=True),
    }
    answer = await bus.ask(request("ModelRegistrationRequested", artifact.id, described), answers=_ANSWERS)
    return int(answer.data["version"])


def _fitted(kind: str, data: Input, datasets: Bucket) -> bytes:
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.linear_model import LinearRegression

    estimator: Any = LinearRegression() if kind == "linear" else HistGradientBoostingRegressor(random_state=0)
    rows = pd.concat([first_rows(data, datasets), first_rows(data, datasets, of=data.objects - 1)])
    # What is learnt doesn't matter here, but trees must find something to split at.
    weights = np.linspace(1, 2, len(data.columns))
    values = rows.to_numpy() / rows.to_numpy().std(axis=0)
    estimator.fit(rows, values @ weights + np.sin(3 * values[:, 0]))
    buffer = io.BytesIO()
    joblib.dump(estimator, buffer)
    return buffer.getvalue()


def first_rows(data: Input, datasets: Bucket, *, of: int = 0) -> pd.DataFrame:
    """The model's columns of the first row group of one of the input's objects."""
    file = pq.ParquetFile(pa.BufferReader(datasets.get(data.key(of))))
    return file.read_row_group(0, columns=list(data.columns)).to_pandas()


def _incoming(path: Path) -> str:
    return f"incoming/benchmarks/scoring/{path.name}"
