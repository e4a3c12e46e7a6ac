"""Requests, facts and outcomes as a test says them: everything but what it is about has a default."""

from datetime import datetime
from typing import Any

from schemas.datasets import DatasetRegistered
from schemas.deployments import DeploymentActivated
from schemas.executions import ExecutionCancellationRequested, ExecutionRequested
from schemas.models import ModelRegistered
from services.executor.domain.execution import Execution
from services.executor.domain.terms import Origin, Resolved, Terms
from services.executor.scoring.job import ScoringOutcome
from services.executor.work import Work
from tests.unit.executor.fakes import NOON

EXECUTION_ID = "00000000-0000-4000-8000-000000000001"
PREFIX = f"s3://results/demand-fr/{EXECUTION_ID}/attempt-1/"


def request(**said: Any) -> ExecutionRequested:
    return ExecutionRequested.model_validate(
        {"execution_id": EXECUTION_ID, "deployment_id": "demand-fr", "trigger": "manual", **said}
    )


def cancellation(**said: Any) -> ExecutionCancellationRequested:
    return ExecutionCancellationRequested.model_validate({"execution_id": EXECUTION_ID, **said})


def activated(**said: Any) -> DeploymentActivated:
    if "alias" not in said:
        said = {"version": 1, **said}
    return DeploymentActivated.model_validate(
        {
            "deployment_id": "demand-fr",
            "name": "Demand in France",
            "model_id": "demand",
            "market": "FR",
            "input": {"uri": "s3://datasets/sales/", "format": "parquet"},
            "revision": 2,
            "scheduling": "none",
            "requested_by": "anonymous",
            "request_id": "d1",
            **said,
        }
    )


def registered(**said: Any) -> ModelRegistered:
    digest = "a" * 64
    return ModelRegistered.model_validate(
        {
            "model_id": "demand",
            "version": 1,
            "name": "Demand",
            "description": "What sells next week.",
            "function": "supply-chain",
            "owner": "planning",
            "markets": ["*"],
            "brands": [],
            "format": "onnx",
            "artifact": {"uri": f"s3://models/sha256/{digest}/model.onnx", "sha256": digest, "size_bytes": 10},
            "signature": {"inputs": [{"name": "x", "type": "double", "required": True}], "outputs": [], "params": []},
            "registered_by": "anonymous",
            "registered_at": NOON,
            "request_id": "m1",
            **said,
        }
    )


def dataset(columns: dict[str, str], **said: Any) -> DatasetRegistered:
    """Columns are types by name."""
    return DatasetRegistered.model_validate(
        {
            "dataset_id": "sales",
            "name": "Sales",
            "uri": "s3://datasets/sales/",
            "format": "parquet",
            "markets": ["*"],
            "brands": [],
            "schema": [{"name": name, "type": kind} for name, kind in columns.items()],
            "objects": 1,
            "size_bytes": 1,
            "request_id": "s1",
            **said,
        }
    )


def outcome(**said: Any) -> ScoringOutcome:
    return ScoringOutcome.model_validate(
        {
            "output_uri": PREFIX,
            "manifest_uri": f"{PREFIX}manifest.json",
            "manifest_sha256": "b" * 64,
            "log_uri": f"{PREFIX}log.jsonl",
            "rows_in": 10,
            "rows_out": 9,
            "rows_rejected": 1,
            "metrics": {"elapsed_s": 0.5, "prediction_mean": 1.5},
            **said,
        }
    )


def resolved(**said: Any) -> Resolved:
    fields: dict[str, Any] = {
        "execution_id": EXECUTION_ID,
        "deployment_id": "demand-fr",
        "deployment_revision": 2,
        "model_id": "demand",
        "model_version": 1,
        "market": "FR",
        "brand": None,
        "trigger": "manual",
        "requested_by": "anonymous",
        "requested_at": NOON.isoformat(),
        "logical_date": None,
        "request_id": "r0",
        **said,
    }
    return Resolved(**fields)


def queued(*, retries: int = 1, timeout_s: int = 60, at: datetime = NOON, **said: Any) -> Execution:
    """A queued execution whose first fact is already told."""
    work = Work.model_validate(
        {
            "model": {
                **{name: getattr(registered(), name) for name in ("version", "format", "signature")},
                "id": "demand",
                "uri": registered().artifact.uri,
                "sha256": registered().artifact.sha256,
            },
            "input": {"uri": "s3://datasets/sales/", "format": "parquet", "objects": []},
        }
    )
    execution = Execution.queued(
        resolved(**said),
        content="content",
        work=work.model_dump_json(),
        terms=Terms(retries=retries, timeout_s=timeout_s),
        origin=Origin(event_id="r0", correlation_id="r0", traceparent=None),
        at=at,
    )
    execution.events.clear()
    return execution
