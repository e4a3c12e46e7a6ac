"""The plain path: what comes out is what the model gives when it is called directly."""

import gzip
import hashlib
import io
import json
import uuid

import joblib
import numpy as np
import obstore
import onnxruntime as ort
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
from skl2onnx import to_onnx
from sklearn.ensemble import GradientBoostingRegressor, HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from chassis.sandbox.settings import SandboxSettings
from chassis.settings import S3Settings
from schemas.signature import Signature, SignatureField
from services.executor.scoring.job import Progress
from services.executor.scoring.preview import preview
from services.executor.scoring.warm_driver import WarmDriver
from tests.integration.executor.bench import FEATURES, Bench, features, frame, parquet_bytes, score, signature

TRAINING = features(500, seed=7)
TARGET = TRAINING["f0"].to_numpy() * 3 + np.sin(TRAINING["f1"].to_numpy())


@pytest.mark.parametrize(
    "estimator", [LinearRegression(), GradientBoostingRegressor(), HistGradientBoostingRegressor()]
)
async def test_a_scikit_learn_model_scores_as_when_called_directly(bench: Bench, driver: WarmDriver, estimator) -> None:
    estimator.fit(frame(TRAINING), TARGET)
    table = features(5_500)
    outcome = await score(driver, bench.job(bench.parquet(table), bench.sklearn(estimator)))
    output = bench.read(outcome)
    rows = output.rows.sort_by("id")
    assert rows.column_names == ["id", "prediction"]
    assert rows["id"].equals(table["id"])
    np.testing.assert_allclose(rows["prediction"], estimator.predict(frame(table)), rtol=1e-12, atol=1e-12)
    assert (outcome.rows_in, outcome.rows_out, outcome.rows_rejected) == (5_500, 5_500, 0)


async def test_a_model_fitted_without_names_gets_a_matrix(bench: Bench, driver: WarmDriver) -> None:
    estimator = LinearRegression().fit(frame(TRAINING).to_numpy(), TARGET)
    table = features(100)
    outcome = await score(driver, bench.job(bench.parquet(table), bench.sklearn(estimator)))
    np.testing.assert_allclose(
        bench.read(outcome).rows["prediction"], estimator.predict(frame(table).to_numpy()), rtol=1e-12, atol=1e-12
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
async def test_an_onnx_model_scores_as_when_called_directly(bench: Bench, driver: WarmDriver, dtype) -> None:
    raw = to_onnx(LinearRegression().fit(frame(TRAINING), TARGET), np.zeros((1, 4), dtype)).SerializeToString()
    table = features(5_500)
    model = bench.model(raw, "model.onnx", format="onnx")
    rows = bench.read(await score(driver, bench.job(bench.parquet(table), model))).rows.sort_by("id")
    session = ort.InferenceSession(raw)
    [expected] = session.run(None, {session.get_inputs()[0].name: frame(table).to_numpy().astype(dtype)})
    assert rows.schema.field("prediction").type == pa.from_numpy_dtype(dtype)
    np.testing.assert_allclose(rows["prediction"], expected[:, 0], rtol=1e-5, atol=1e-5)


async def test_an_onnx_classifier_gives_the_outputs_of_its_signature(bench: Bench, driver: WarmDriver) -> None:
    classifier = LogisticRegression().fit(frame(TRAINING), TARGET > 0)
    raw = to_onnx(classifier, np.zeros((1, 4), np.float64), options={"zipmap": False}).SerializeToString()
    outputs = (SignatureField(name="label", type="long", required=True),)
    model = bench.model(raw, "model.onnx", format="onnx", signature=signature(outputs=outputs))
    table = features(300)
    rows = bench.read(await score(driver, bench.job(bench.parquet(table), model))).rows
    assert rows.column_names == ["id", "label"]
    assert rows["label"].to_pylist() == [int(label) for label in classifier.predict(frame(table))]


async def test_text_columns_reach_the_model(bench: Bench, driver: WarmDriver) -> None:
    training = pd.DataFrame({"store": ["north", "south"] * 50, "week": range(100)})
    encoder = OneHotEncoder(handle_unknown="ignore")
    estimator = make_pipeline(encoder, LinearRegression()).fit(training, np.arange(100))
    inputs = (
        SignatureField(name="store", type="string", required=True),
        SignatureField(name="week", type="long", required=True),
    )
    model = bench.sklearn(estimator, signature=Signature(inputs=inputs, outputs=(), params=()))
    uri = bench.parquet(pa.Table.from_pandas(training, preserve_index=False))
    rows = bench.read(await score(driver, bench.job(uri, model, keep=("week", "store")))).rows
    assert rows.column_names == ["week", "store", "prediction"]
    np.testing.assert_allclose(rows["prediction"], estimator.predict(training), atol=1e-9)


@pytest.mark.parametrize("kind", ["sklearn", "onnx"])
async def test_many_row_groups_go_through_the_same_memory_and_none_is_taken_for_another(
    bench: Bench, driver: WarmDriver, kind
) -> None:
    estimator = LinearRegression().fit(frame(TRAINING), TARGET)
    raw = to_onnx(estimator, np.zeros((1, 4), np.float64)).SerializeToString()
    model = bench.sklearn(estimator) if kind == "sklearn" else bench.model(raw, "model.onnx", format="onnx")
    table = features(30_000).append_column("name", pa.array([f"row {number}" for number in range(30_000)]))
    buffer = io.BytesIO()
    # Pages that are as their values lie in memory: who keeps a reference instead of a copy is found out.
    pq.write_table(table, buffer, row_group_size=500, compression="none", use_dictionary=False)
    job = bench.job(bench.new_input(buffer.getvalue()), model, keep=("id", "name"))
    rows = bench.read(await score(driver, job)).rows.sort_by("id")
    assert rows.select(["id", "name"]).equals(table.select(["id", "name"]))
    np.testing.assert_allclose(rows["prediction"], estimator.predict(frame(table)), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("kind", ["parquet", "csv"])
async def test_files_without_rows_are_scored_to_none(bench: Bench, driver: WarmDriver, kind) -> None:
    estimator = LinearRegression().fit(frame(TRAINING), TARGET)
    header = b"id,f0,f1,f2,f3\n"
    uri = bench.parquet(features(0)) if kind == "parquet" else bench.new_input(header, suffix=".csv")

    outcome = await score(driver, bench.job(uri, bench.sklearn(estimator), format=kind))

    manifest = bench.read(outcome).manifest
    assert (outcome.rows_in, outcome.rows_out, outcome.rows_rejected) == (0, 0, 0)
    assert (manifest["parts"], manifest["rows"]) == ([], 0)
    assert [column["name"] for column in manifest["schema"]] == ["id", "prediction"]


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
async def test_a_csv_scores_like_the_same_rows_in_parquet(bench: Bench, driver: WarmDriver, compress) -> None:
    estimator = LinearRegression().fit(frame(TRAINING), TARGET)
    table = features(5_000)
    buffer = io.BytesIO()
    pacsv.write_csv(table, buffer)
    uri = bench.new_input(compress(buffer.getvalue()), suffix=".csv")
    rows = bench.read(await score(driver, bench.job(uri, bench.sklearn(estimator), format="csv"))).rows
    assert rows["id"].to_pylist() == [str(number) for number in range(5_000)]
    np.testing.assert_allclose(rows["prediction"], estimator.predict(frame(table)), rtol=1e-12, atol=1e-12)


async def test_several_objects_with_several_row_groups_are_one_input(bench: Bench, driver: WarmDriver) -> None:
    estimator = LinearRegression().fit(frame(TRAINING), TARGET)
    table = features(10_000)
    uri = bench.parquet(*[table.slice(start, 2_000) for start in range(0, 10_000, 2_000)], row_group_size=300)
    job = bench.job(uri, bench.sklearn(estimator))
    output = bench.read(await score(driver, job))
    assert output.rows.sort_by("id")["id"].equals(table["id"])
    assert output.manifest["input"]["objects"] == [item.model_dump() for item in job.input.objects]
    assert output.manifest["schema"] == [{"name": "id", "type": "int64"}, {"name": "prediction", "type": "double"}]


async def test_columns_may_come_and_go_from_file_to_file_and_folder_to_folder(bench: Bench, driver: WarmDriver) -> None:
    estimator = LinearRegression().fit(frame(TRAINING), TARGET)
    old, new = features(300), features(200, seed=1)
    new = new.append_column("shop", pa.array(["north"] * 200)).set_column(0, "id", new["id"].cast(pa.float64()))
    uri = bench.new_input()
    for place, table in (("year=2025/week=1/a.parquet", old), ("year=2026/week=1/b.parquet", new)):
        bench.datasets.put(uri.removeprefix("s3://datasets/") + place, parquet_bytes(table))

    rows = bench.read(await score(driver, bench.job(uri, bench.sklearn(estimator)))).rows

    assert rows.column_names == ["id", "shop", "year", "week", "prediction"]
    assert rows["shop"].to_pylist() == [None] * 300 + ["north"] * 200
    assert rows["year"].to_pylist() == ["2025"] * 300 + ["2026"] * 200
    expected = np.concatenate([estimator.predict(frame(table)) for table in (old, new)])
    np.testing.assert_allclose(rows["prediction"], expected)


@pytest.mark.parametrize("codec", ["bz2", "zstd"])
async def test_a_packed_csv_in_utf_16_scores_like_the_same_rows_in_parquet(
    bench: Bench, driver: WarmDriver, codec: str
) -> None:
    estimator = LinearRegression().fit(frame(TRAINING), TARGET)
    table, sink = features(2_000), pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, codec) as stream:
        stream.write(table.to_pandas().to_csv(index=False).encode("utf-16"))
    uri = bench.new_input(sink.getvalue().to_pybytes(), suffix=f".csv.{codec}")

    rows = bench.read(await score(driver, bench.job(uri, bench.sklearn(estimator), format="csv"))).rows

    np.testing.assert_allclose(rows["prediction"], estimator.predict(frame(table)))


async def test_a_csv_in_the_charset_of_its_content_type_is_scored_and_shown(
    bench: Bench, driver: WarmDriver, s3: S3Settings
) -> None:
    estimator = LinearRegression().fit(frame(TRAINING), TARGET)
    table = features(100).append_column("où", pa.array(["Besançon", "Orléans"] * 50))
    key = f"input-{uuid.uuid4().hex}.csv"
    text = table.to_pandas().to_csv(index=False, sep=";").encode("cp1252")
    obstore.put(bench.datasets._store, key, text, attributes={"Content-Type": "text/csv; charset=windows-1252"})
    uri = f"s3://datasets/{key}"

    job = bench.job(uri, bench.sklearn(estimator), format="csv", keep=("où",))
    rows = bench.read(await score(driver, job)).rows

    assert rows["où"].equals(table["où"])
    np.testing.assert_allclose(rows["prediction"], estimator.predict(frame(table)))
    shown = preview(s3, SandboxSettings(), uri, "csv", rows=1)
    assert dict(zip(dict(shown.columns), shown.rows[0], strict=True))["où"] == "Besançon"


async def test_progress_is_told_and_the_log_is_kept(bench: Bench, driver: WarmDriver) -> None:
    estimator = LinearRegression().fit(frame(TRAINING), TARGET)
    told: list[Progress] = []
    job = bench.job(bench.parquet(features(20_000)), bench.sklearn(estimator))
    outcome = await driver.run(job, on_progress=told.append)
    assert told
    assert all(one.rows_total == 20_000 and one.rows_done <= 20_000 for one in told)
    events = [json.loads(line)["event"] for line in bench.fetch(outcome.log_uri).splitlines()]
    assert (events[0], events[-1]) == ("started", "finished")
    assert {"rows_per_s", "prediction_mean", "score_s"} <= set(outcome.metrics)
    assert FEATURES[0] not in outcome.metrics


async def test_the_same_bytes_may_be_stored_under_two_names_and_a_directory(bench: Bench, driver: WarmDriver) -> None:
    estimator = LinearRegression().fit(frame(TRAINING), TARGET)
    buffer = io.BytesIO()
    joblib.dump(estimator, buffer)
    uri, expected = bench.parquet(TRAINING), estimator.predict(frame(TRAINING))
    line = f"a/model.joblib\0{len(buffer.getvalue())}\0{hashlib.sha256(buffer.getvalue()).hexdigest()}\n"
    digest = hashlib.sha256(line.encode()).hexdigest()
    bench.models.put(f"sha256/{digest}/a/model.joblib", buffer.getvalue())
    models = [bench.model(buffer.getvalue(), name, format="sklearn") for name in ("one.joblib", "two.joblib")]
    models.append(models[0].model_copy(update={"uri": f"s3://models/sha256/{digest}/", "sha256": digest}))
    for model in models:
        rows = bench.read(await score(driver, bench.job(uri, model))).rows
        np.testing.assert_allclose(rows["prediction"], expected, rtol=1e-12, atol=1e-12)
