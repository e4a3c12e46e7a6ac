"""Requests as a test says them: everything but what it is about has a default."""

from typing import Any

from schemas.datasets import DatasetRegistrationRequested
from schemas.models import ModelRegistrationRequested
from schemas.values import Artifact

SIGNATURE = {
    "inputs": [{"name": "x", "type": "double", "required": True}],
    "outputs": [{"name": "prediction", "type": "double", "required": True}],
    "params": [],
}


def registration(**said: Any) -> ModelRegistrationRequested:
    return ModelRegistrationRequested.model_validate(
        {
            "model_id": "demand",
            "name": "Demand",
            "description": "What sells next week.",
            "function": "supply-chain",
            "owner": "planning",
            "markets": ["FR", "DE"],
            "brands": [],
            "format": "sklearn",
            "artifact": {"uri": "s3://models/incoming/demand/model.pkl"},
            "signature": SIGNATURE,
            **said,
        }
    )


def dataset_registration(**said: Any) -> DatasetRegistrationRequested:
    return DatasetRegistrationRequested.model_validate(
        {
            "dataset_id": "sales",
            "name": "Sales",
            "uri": "s3://datasets/sales/",
            "format": "parquet",
            "markets": ["FR"],
            "brands": [],
            **said,
        }
    )


def artifact(content: int = 0) -> Artifact:
    """The registry's copy of some bytes; equal for equal `content`."""
    digest = f"{content:064x}"
    return Artifact(uri=f"s3://models/sha256/{digest}/model.pkl", sha256=digest, size_bytes=10)
