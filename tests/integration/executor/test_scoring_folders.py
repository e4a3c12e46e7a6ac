"""Inputs whose folders are columns, on real Spark: taken, kept, rejected, counted and logged like any other."""

import io
import json
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv
import pytest
from sklearn.linear_model import LinearRegression

from schemas.signature import SignatureField
from services.executor.scoring.errors import ScoringError
from services.executor.scoring.job import ScoringJob
from services.executor.scoring.listing import InputFormat
from services.executor.scoring.warm_driver import WarmDriver
from tests.integration.executor.bench import Bench, parquet_bytes, score, signature

FRAME = pd.DataFrame({"month": [1.0, 2.0, 3.0, 12.0], "x": [0.5, 1.0, 4.0, 2.0]})
ESTIMATOR = LinearRegression().fit(FRAME, FRAME["month"] * 3 - FRAME["x"])
ROWS = 3_000


def file(form: InputFormat, seed: int) -> tuple[pa.Table, bytes]:
    """Its column `prediction` is none that can be kept, its `month` none that counts."""
    values = np.random.default_rng(seed).normal(size=ROWS).round(6)
    table = pa.table({"month": [99] * ROWS, "x": values, "prediction": ["old"] * ROWS})
    if form == "parquet":
        return table, parquet_bytes(table)
    sink = io.BytesIO()
    pacsv.write_csv(table, sink)
    return table, sink.getvalue()


def laid(bench: Bench, files: dict[str, bytes]) -> str:
    uri = bench.new_input()
    for place, raw in files.items():
        bench.datasets.put(uri.removeprefix("s3://datasets/") + place, raw)
    return uri


def job(bench: Bench, uri: str, form: InputFormat, **fields: Any) -> ScoringJob:
    model = bench.sklearn(ESTIMATOR, signature=signature(names=("month", "x")), id=f"folders-{uri[-13:-1]}")
    return bench.job(uri, model, format=form, **fields)


@pytest.mark.parametrize("form", ["parquet", "csv"])
async def test_folders_are_columns_of_every_row(bench: Bench, driver: WarmDriver, form: InputFormat) -> None:
    tables = {
        "region=EU/month=01": file(form, 1),
        "region=NA/month=12": file(form, 2),
        "region=/month=2.5": file(form, 3),
    }
    if form == "parquet":  # The file's type is `long`.
        tables["region=/month=2"] = tables.pop("region=/month=2.5")
    chosen = job(bench, laid(bench, {f"{key}/x.{form}": raw for key, (_, raw) in tables.items()}), form)

    outcome = await score(driver, chosen)

    rows = bench.read(outcome).rows
    assert rows.column_names == ["region", "prediction"]
    by_region = {"EU": "region=EU/month=01", "NA": "region=NA/month=12", None: min(tables)}
    for region, key in by_region.items():
        frame = pd.DataFrame({"month": float(key.rpartition("=")[2]), "x": tables[key][0]["x"].to_numpy()})
        mine = [row["prediction"] for row in rows.to_pylist() if row["region"] == region]
        np.testing.assert_allclose(sorted(mine), np.sort(ESTIMATOR.predict(frame)))
    counted = [one for one in outcome.observations if one.metric == "input_histogram"]
    months = [one.value for one in counted if one.labels["column"] == "month"]
    assert sum(months) == sum(one.value for one in counted if one.labels["column"] == "x") > 0
    lines = [json.loads(line) for line in bench.fetch(outcome.log_uri).splitlines()]
    [told] = [line for line in lines if line.get("event") == "columns_left_out"]
    assert told["columns"] == ["prediction"]


@pytest.mark.parametrize("form", ["parquet", "csv"])
async def test_rows_of_a_folder_that_says_no_number_are_rejected(
    bench: Bench, driver: WarmDriver, form: InputFormat
) -> None:
    raw = parquet_bytes(pa.table({"x": [1.0, 2.0]})) if form == "parquet" else b"x\n1\n2\n"
    uri = laid(bench, {f"region=EU/month={month}/x.{form}": raw for month in ("1", "May")})

    outcome = await score(driver, job(bench, uri, form, keep=("region", "month")))

    output = bench.read(outcome)
    assert output.rows.select(["region", "month"]).to_pydict() == {"region": ["EU"] * 2, "month": ["1"] * 2}
    counted = [one for one in outcome.observations if one.metric == "input_histogram"]
    assert sum(one.value for one in counted if one.labels["column"] == "month") == 2
    rejected = output.rejected.to_pylist()
    assert [(row["month"], row["region"], row["rejected_column"]) for row in rejected] == [("May", "EU", "month")] * 2
    assert rejected[0]["rejected_reason"].startswith("its folder: a text that can't be read as double")
    lines = [json.loads(line) for line in bench.fetch(outcome.log_uri).splitlines()]
    assert not any(line.get("event") == "columns_left_out" for line in lines)


async def test_a_model_may_take_nothing_but_folders(bench: Bench, driver: WarmDriver) -> None:
    estimator = LinearRegression().fit(FRAME[["month"]], FRAME["month"] * 3)
    uri = laid(bench, {"month=04/x.parquet": parquet_bytes(pa.table({"y": range(2_500)}))})
    fields = (SignatureField(name="month", type="integer", required=True),)
    model = bench.sklearn(estimator, signature=signature(inputs=fields))

    rows = bench.read(await score(driver, bench.job(uri, model, keep=()))).rows

    np.testing.assert_allclose(rows["prediction"], [12.0] * 2_500)


@pytest.mark.parametrize(
    ("keys", "code", "reason"),
    [
        (("month=1/x", "x"), "input-mixed-schemas", "x.parquet lies in folders of the columns none, and input-"),
        (("month=1/month=2/x",), "input-unfit", "x.parquet: its folders name the column month twice"),
        (("month=1/x=May/x",), "input-unfit", "x.parquet: its folder says no value of the type double"),
        (("region=1/x",), "input-missing-column", "has no column month"),
    ],
)
async def test_folders_that_cannot_be_columns_refuse_the_input(
    bench: Bench, driver: WarmDriver, keys: tuple[str, ...], code: str, reason: str
) -> None:
    raw = parquet_bytes(pa.table({"x": [1.0]}))
    uri = laid(bench, {f"{key}.parquet": raw for key in keys})

    with pytest.raises(ScoringError, match=reason) as caught:
        await score(driver, job(bench, uri, "parquet"))

    assert (caught.value.code, caught.value.retryable) == (code, False)
