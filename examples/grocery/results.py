"""The predictions of an execution, found through its manifest, and how far they are from what was sold."""

import hashlib
import json
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from examples.grocery.data import FloatArray
from examples.grocery.errors import DemoError
from examples.grocery.features import KEYS

NAIVE_NAME = "same as last week"
_KEYS = list(KEYS)
_PLANNED = ["store_id", "department", "week"]


class Reader(Protocol):
    async def read(self, uri: str) -> bytes: ...


@dataclass(frozen=True)
class Errors:
    """Distance of a forecast from the true units.

    Attributes:
        rmse: root mean squared error of a product × store × week, in units.
        mae: mean absolute error of the same, in units.
        wape: sum of absolute errors over the sum of true units.
        planning_wape: the same after adding up each store's department in a week, which is what is ordered by.
    """

    rmse: float
    mae: float
    wape: float
    planning_wape: float


def read_truth(path: Path) -> pd.DataFrame:
    """Columns: the keys, department, units, naive."""
    return pq.read_table(path).to_pandas()


async def read_predictions(reader: Reader, output: dict[str, Any]) -> pa.Table:
    """All parts that the manifest names, each checked against its digest.

    Raises:
        DemoError: a digest or the number of rows is not what was announced.
    """
    manifest_uri = output["manifest_uri"]
    manifest = await reader.read(manifest_uri)
    _check(manifest, output["manifest_sha256"], manifest_uri)
    content = json.loads(manifest)
    bucket = manifest_uri.split("/")[2]
    parts = [await _read_part(reader, f"s3://{bucket}/{part['key']}", part["sha256"]) for part in content["parts"]]
    table = pa.concat_tables(parts)
    if table.num_rows != content["rows"]:
        raise DemoError(f"{manifest_uri} names {content['rows']} rows, its parts hold {table.num_rows}")
    return table


def with_prediction(truth: pd.DataFrame, predictions: pa.Table, name: str) -> pd.DataFrame:
    """The truth and one more column.

    Raises:
        DemoError: a row of the truth has no prediction, or more than one.
    """
    forecast = predictions.select([*_KEYS, "prediction"]).to_pandas().rename(columns={"prediction": name})
    joined = truth.merge(forecast, on=_KEYS, how="left", validate="one_to_one")
    missing = int(joined[name].isna().sum())
    if missing or len(forecast) != len(truth):
        raise DemoError(f"{name}: {len(forecast)} predictions for {len(truth)} rows, {missing} without one")
    return joined


def errors_of(joined: pd.DataFrame, name: str) -> Errors:
    units: FloatArray = joined["units"].to_numpy()
    off = joined[name].to_numpy() - units
    planned_off: FloatArray = joined.assign(off=off).groupby(_PLANNED, sort=False)["off"].sum().to_numpy()
    return Errors(
        rmse=float(np.sqrt(np.mean(off**2))),
        mae=float(np.mean(np.abs(off))),
        wape=float(np.abs(off).sum() / units.sum()),
        planning_wape=float(np.abs(planned_off).sum() / units.sum()),
    )


async def _read_part(reader: Reader, uri: str, sha256: str) -> pa.Table:
    content = await reader.read(uri)
    _check(content, sha256, uri)
    return pq.read_table(BytesIO(content))


def _check(content: bytes, sha256: str, uri: str) -> None:
    if hashlib.sha256(content).hexdigest() != sha256:
        raise DemoError(f"{uri} is not what was announced: its sha256 differs")
