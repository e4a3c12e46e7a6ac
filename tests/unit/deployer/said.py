"""Requests and facts as a test says them: everything but what it is about has a default."""

from typing import Any

from schemas.datasets import DatasetRegistered
from schemas.deployments import DeploymentChangeRequested, DeploymentRequested
from schemas.models import ModelRegistered, VersionPromoted

COLUMNS = {"price": "double", "week": "integer", "store": "string", "promo": "boolean", "day": "datetime"}


def inputs(**types: str) -> list[dict[str, Any]]:
    return [{"name": name, "type": kind, "required": True} for name, kind in types.items()]


def signature(**said: Any) -> dict[str, Any]:
    return {"inputs": inputs(price="double", week="long"), "outputs": [], "params": [], **said}


def model(**said: Any) -> ModelRegistered:
    return ModelRegistered.model_validate(
        {
            "model_id": "demand",
            "version": 1,
            "name": "Demand",
            "description": "What sells next week.",
            "function": "supply-chain",
            "owner": "planning",
            "markets": ["FR", "DE"],
            "brands": ["Nord"],
            "format": "onnx",
            "artifact": {"uri": f"s3://models/sha256/{'a' * 64}/m.onnx", "sha256": "a" * 64, "size_bytes": 1},
            "signature": signature(),
            "registered_by": "anonymous",
            "registered_at": "2026-11-23T06:00:00Z",
            "request_id": "r",
            **said,
        }
    )


def promoted(version: int, *, alias: str = "champion", **scope: str) -> VersionPromoted:
    return VersionPromoted.model_validate(
        {
            "model_id": "demand",
            "alias": alias,
            "scope": scope,
            "version": version,
            "promoted_by": "anonymous",
            "request_id": "r",
        }
    )


def dataset(**said: Any) -> DatasetRegistered:
    columns = said.pop("columns", COLUMNS)
    return DatasetRegistered.model_validate(
        {
            "dataset_id": "sales",
            "name": "Sales",
            "uri": "s3://datasets/sales/",
            "format": "parquet",
            "markets": ["FR"],
            "brands": [],
            "schema": [{"name": name, "type": kind} for name, kind in columns.items()],
            "objects": 1,
            "size_bytes": 1,
            "request_id": "r",
            **said,
        }
    )


def deployment(**said: Any) -> DeploymentRequested:
    chosen = {} if "alias" in said else {"version": 1}
    uri = said.pop("uri", "s3://datasets/sales/")
    return DeploymentRequested.model_validate(
        {
            "deployment_id": "demand-fr",
            "name": "Demand, France",
            "model_id": "demand",
            "market": "FR",
            "input": {"uri": uri, "format": "parquet"},
            **chosen,
            **said,
        }
    )


def change(action: str, deployment_id: str = "demand-fr") -> DeploymentChangeRequested:
    return DeploymentChangeRequested.model_validate({"deployment_id": deployment_id, "action": action})
