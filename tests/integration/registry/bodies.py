"""Requests as an upstream system writes them."""

from typing import Any


def registration(model_id: str, uri: str, **said: Any) -> dict[str, Any]:
    return {
        "model_id": model_id,
        "name": "Demand",
        "description": "What sells next week.",
        "function": "supply-chain",
        "owner": "planning",
        "markets": ["FR", "DE"],
        "brands": [],
        "format": "sklearn",
        "artifact": {"uri": uri},
        "card": {"$ref": "a", "$id": 1, "b.c": None},
        "tags": {"$ref": "a", "$id": "b", "c.d": "e"},
        **said,
    }


def dataset_registration(dataset_id: str, uri: str, **said: Any) -> dict[str, Any]:
    return {
        "dataset_id": dataset_id,
        "name": "Sales",
        "uri": uri,
        "format": "parquet",
        "markets": ["FR"],
        "brands": [],
        **said,
    }
