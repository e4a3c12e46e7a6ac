"""Lays inputs and models on the object store, makes jobs of them, reads their outputs."""

import hashlib
import io
import json
import pickle
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from chassis.settings import S3Settings
from schemas.signature import Signature, SignatureField
from services.executor.scoring.job import ModelArtifact, ScoringInput, ScoringJob, ScoringOutcome
from services.executor.scoring.listing import InputFormat, freeze_input
from services.executor.scoring.objects import Bucket
from services.executor.scoring.warm_driver import WarmDriver

FEATURES = ("f0", "f1", "f2", "f3")


@dataclass(frozen=True)
class Output:
    manifest: dict[str, Any]
    rows: pa.Table | None
    rejected: pa.Table | None


class Bench:
    """Lays inputs and models, makes jobs, reads outputs."""

    def __init__(self, s3: S3Settings) -> None:
        self.s3 = s3
        self.datasets, self.models, self.results = (Bucket(s3, name) for name in ("datasets", "models", "results"))

    def new_input(self, *files: bytes, suffix: str = ".parquet") -> str:
        """The address of a fresh prefix with these files under it."""
        prefix = f"input-{uuid.uuid4().hex}"
        for number, raw in enumerate(files):
            self.datasets.put(f"{prefix}/{number:03d}{suffix}", raw)
        return f"s3://datasets/{prefix}/"

    def parquet(self, *tables: pa.Table, row_group_size: int = 1000) -> str:
        return self.new_input(*[parquet_bytes(table, row_group_size) for table in tables])

    def model(self, raw: bytes, name: str, *, format: str, **fields: Any) -> ModelArtifact:  # noqa: A002
        digest = hashlib.sha256(raw).hexdigest()
        self.models.put(f"sha256/{digest}/{name}", raw)
        defaults = {"id": "demand", "version": 1, "signature": signature()}
        uri = f"s3://models/sha256/{digest}/{name}"
        return ModelArtifact(**{**defaults, "format": format, "uri": uri, "sha256": digest, **fields})

    def sklearn(self, estimator: Any, **fields: Any) -> ModelArtifact:
        buffer = io.BytesIO()
        joblib.dump(estimator, buffer)
        return self.model(buffer.getvalue(), "model.joblib", format="sklearn", **fields)

    def code(self, expression: str, **fields: Any) -> ModelArtifact:
        """A pickle that runs the expression when it is loaded; what it gives is the model."""
        return self.model(pickle.dumps(_Code(expression)), "model.pkl", format="sklearn", **fields)

    def job(self, uri: str, model: ModelArtifact, *, format: InputFormat = "parquet", **fields: Any) -> ScoringJob:  # noqa: A002
        objects = freeze_input(self.s3, uri, format)
        execution_id = str(uuid.uuid4())
        return ScoringJob(
            execution_id=execution_id,
            attempt=1,
            deployment_id="demand-fr",
            model=model,
            input=ScoringInput(uri=uri, format=format, objects=objects),
            output_prefix=f"s3://results/demand-fr/{execution_id}/attempt-1/",
            **fields,
        )

    def read(self, outcome: ScoringOutcome) -> Output:
        raw = self.fetch(outcome.manifest_uri)
        assert hashlib.sha256(raw).hexdigest() == outcome.manifest_sha256
        manifest = json.loads(raw)
        return Output(manifest, self._table(manifest["parts"]), self._table(manifest["rejected"]))

    def fetch(self, uri: str) -> bytes:
        return bytes(self.results.get(uri.removeprefix("s3://results/")))

    def _table(self, parts: Sequence[dict[str, Any]]) -> pa.Table | None:
        tables: list[pa.Table] = []
        for part in parts:
            raw = bytes(self.results.get(part["key"]))
            assert (len(raw), hashlib.sha256(raw).hexdigest()) == (part["size_bytes"], part["sha256"])
            tables.append(pq.read_table(io.BytesIO(raw)))
            assert tables[-1].num_rows == part["rows"]
        return pa.concat_tables(tables) if tables else None


class _Code:
    def __init__(self, expression: str) -> None:
        self._expression = expression

    def __reduce__(self) -> tuple[Any, ...]:
        return eval, (self._expression,)


def predicting(body: str) -> str:
    """The expression of a model whose `predict(self, rows)` is the expression `body`, with NumPy as `np`."""
    return f"(lambda np: type('Model', (), {{'predict': lambda self, rows: {body}}})())(__import__('numpy'))"


def parquet_bytes(table: pa.Table, row_group_size: int = 1000) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer, row_group_size=row_group_size)
    return buffer.getvalue()


def signature(type: str = "double", names: Sequence[str] = FEATURES, **fields: Any) -> Signature:  # noqa: A002
    inputs = tuple(SignatureField(name=name, type=type, required=True) for name in names)
    return Signature(**{"inputs": inputs, "outputs": (), "params": (), **fields})


def features(rows: int, *, seed: int = 0) -> pa.Table:
    random = np.random.default_rng(seed)
    return pa.table({"id": np.arange(rows), **{name: random.normal(size=rows) for name in FEATURES}})


def frame(table: pa.Table) -> pd.DataFrame:
    return table.select(list(FEATURES)).to_pandas()


async def score(driver: WarmDriver, job: ScoringJob) -> ScoringOutcome:
    return await driver.run(job, on_progress=lambda _: None)
