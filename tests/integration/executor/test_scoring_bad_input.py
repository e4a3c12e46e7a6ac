"""Jobs that can't be scored fail with a stable code and a sentence that names what is wrong."""

import hashlib

import numpy as np
import pyarrow as pa
import pytest
from sklearn.linear_model import LinearRegression

from schemas.signature import SignatureField
from services.executor.scoring.errors import ScoringError
from services.executor.scoring.job import ModelArtifact, ScoringJob
from services.executor.scoring.listing import freeze_input
from services.executor.scoring.warm_driver import WarmDriver
from tests.integration.executor.bench import Bench, features, frame, parquet_bytes, predicting, score, signature

TABLE = features(2_000)


@pytest.fixture(scope="module")
def model(bench: Bench) -> ModelArtifact:
    return bench.sklearn(LinearRegression().fit(frame(TABLE), TABLE["id"].to_numpy()))


async def failure(driver: WarmDriver, job: ScoringJob, code: str) -> ScoringError:
    with pytest.raises(ScoringError) as caught:
        await score(driver, job)
    assert caught.value.code == code, caught.value
    assert not caught.value.retryable
    assert caught.value.log_uri
    return caught.value


def test_a_prefix_with_only_markers_is_empty(bench: Bench) -> None:
    uri = bench.new_input()
    for name in ("_SUCCESS", "_temporary/part.parquet", ".hidden.parquet"):
        bench.datasets.put(uri.removeprefix("s3://datasets/") + name, b"x")
    with pytest.raises(ScoringError) as caught:
        freeze_input(bench.s3, uri, "parquet")
    assert caught.value.code == "input-empty"


@pytest.mark.parametrize("uri", ["s3://models/incoming/x", "s3://datasets/a/../b", "file:///etc/passwd"])
def test_an_address_outside_of_the_datasets_is_refused(bench: Bench, uri: str) -> None:
    with pytest.raises(ScoringError) as caught:
        freeze_input(bench.s3, uri, "parquet")
    assert caught.value.code == "address-refused"


async def test_a_missing_column_is_named(bench: Bench, driver: WarmDriver, model: ModelArtifact) -> None:
    error = await failure(driver, bench.job(bench.parquet(TABLE.drop(["f2"])), model), "input-missing-column")
    assert "f2" in error.message
    kept = bench.job(bench.parquet(TABLE), model, keep=("shop",))
    assert "shop" in (await failure(driver, kept, "input-missing-column")).message


@pytest.mark.parametrize("raw", [b"", b"PAR1", b"no parquet at all", parquet_bytes(TABLE)[:-20], b"PAR1" * 40])
async def test_what_is_no_parquet_is_corrupt(
    bench: Bench, driver: WarmDriver, model: ModelArtifact, raw: bytes
) -> None:
    await failure(driver, bench.job(bench.new_input(raw), model), "input-corrupt")


async def test_a_row_group_with_broken_pages_is_corrupt(bench: Bench, driver: WarmDriver, model: ModelArtifact) -> None:
    raw = bytearray(parquet_bytes(TABLE))
    raw[100:20_000] = b"\xa5" * 19_900
    await failure(driver, bench.job(bench.new_input(bytes(raw)), model), "input-corrupt")


async def test_a_broken_gzip_is_corrupt(bench: Bench, driver: WarmDriver, model: ModelArtifact) -> None:
    uri = bench.new_input(b"\x1f\x8b" + b"nonsense" * 10, suffix=".csv.gz")
    await failure(driver, bench.job(uri, model, format="csv"), "input-corrupt")


async def test_an_object_that_changed_or_went_since_the_listing_is_told(
    bench: Bench, driver: WarmDriver, model: ModelArtifact
) -> None:
    job = bench.job(bench.parquet(TABLE), model)
    [source] = job.input.objects
    bench.datasets.put(source.key, parquet_bytes(features(2_000, seed=2)))
    assert source.key in (await failure(driver, job, "input-changed")).message
    gone = source.model_copy(update={"key": "gone.parquet"})
    job = job.model_copy(update={"input": job.input.model_copy(update={"objects": (gone,)})})
    await failure(driver, job, "input-missing")


async def test_an_artifact_that_is_missing_or_another_is_told(
    bench: Bench, driver: WarmDriver, model: ModelArtifact
) -> None:
    uri = bench.parquet(TABLE)
    digest = hashlib.sha256(b"never stored").hexdigest()
    missing = model.model_copy(update={"uri": f"s3://models/sha256/{digest}/m.joblib", "sha256": digest})
    await failure(driver, bench.job(uri, missing), "artifact-missing")
    bench.models.put(f"sha256/{digest}/m.joblib", b"something else")
    await failure(driver, bench.job(uri, missing), "artifact-digest-mismatch")


@pytest.mark.parametrize("kind", ["sklearn", "onnx"])
async def test_bytes_that_are_no_model_are_unreadable(bench: Bench, driver: WarmDriver, kind: str) -> None:
    model = bench.model(b"certainly no model", "model.bin", format=kind)
    error = await failure(driver, bench.job(bench.parquet(TABLE), model), "artifact-unreadable")
    assert error.message.startswith("model demand version 1: ")


async def test_a_model_that_gives_other_types_for_other_rows_is_told_with_the_object(
    bench: Bench, driver: WarmDriver
) -> None:
    changing = predicting("np.array(['x'] * len(rows)) if rows['f0'].iloc[0] > 0 else np.zeros(len(rows))")
    table = TABLE.set_column(1, "f0", pa.array([float(row >= 1_000) for row in range(2_000)]))
    error = await failure(driver, bench.job(bench.parquet(table), bench.code(changing)), "prediction-shape")
    assert "output prediction is of type" in error.message


async def test_a_format_that_nobody_scores_is_told(bench: Bench, driver: WarmDriver) -> None:
    await failure(
        driver, bench.job(bench.parquet(TABLE), bench.model(b"x", "x.jar", format="jar")), "format-unsupported"
    )


async def test_a_model_that_raises_is_named_with_the_row(bench: Bench, driver: WarmDriver) -> None:
    model = bench.code(predicting("[1 / (0 if value == 1234 else 1) for value in rows['id']]"), signature=_with_id())
    error = await failure(driver, bench.job(bench.parquet(TABLE), model), "model-failed")
    assert "ZeroDivisionError" in error.message
    assert "row 1235" in error.message


async def test_a_model_that_needs_what_is_not_installed_says_which_package(bench: Bench, driver: WarmDriver) -> None:
    model = bench.code("__import__('no_such_package')")
    error = await failure(driver, bench.job(bench.parquet(TABLE), model), "artifact-unreadable")
    assert "the model needs the package no_such_package" in error.message


async def test_a_model_that_needs_too_much_memory_says_which_limit_it_met(bench: Bench, driver: WarmDriver) -> None:
    model = bench.code(predicting("bytearray(64 << 30)"))
    error = await failure(driver, bench.job(bench.parquet(TABLE), model), "model-failed")
    assert "MB was reached (MLP_SANDBOX_MEMORY_BYTES) (" in error.message


async def test_an_onnx_model_of_another_shape_is_told_with_what_it_requires(bench: Bench, driver: WarmDriver) -> None:
    from skl2onnx import to_onnx

    raw = to_onnx(LinearRegression().fit(np.zeros((2, 7)), [0, 1]), np.zeros((1, 7))).SerializeToString()
    model = bench.model(raw, "m.onnx", format="onnx")
    error = await failure(driver, bench.job(bench.parquet(TABLE), model), "signature-mismatch")
    assert (
        error.message
        == "model demand version 1: the model goes by the places of its inputs: it requires 7 and the signature has 4"
    )


@pytest.mark.parametrize("body", ["np.zeros(len(rows) - 1)", "np.zeros((len(rows), 3))", "np.zeros((2, 2, 2))", "None"])
async def test_predictions_that_do_not_fit_the_rows_are_told(bench: Bench, driver: WarmDriver, body: str) -> None:
    job = bench.job(bench.parquet(TABLE), bench.code(predicting(body)))
    error = await failure(driver, job, "prediction-shape")
    assert job.input.objects[0].key in error.message


async def test_a_kept_column_may_not_be_called_like_an_output(
    bench: Bench, driver: WarmDriver, model: ModelArtifact
) -> None:
    table = TABLE.append_column("prediction", TABLE["f0"])
    await failure(driver, bench.job(bench.parquet(table), model, keep=("prediction",)), "column-conflict")
    output = bench.read(await score(driver, bench.job(bench.parquet(table), model)))
    assert output.rows.column_names == ["id", "prediction"]


async def test_files_that_do_not_agree_on_a_type_are_told(
    bench: Bench, driver: WarmDriver, model: ModelArtifact
) -> None:
    other = TABLE.set_column(0, "id", pa.array([b"x"] * 2_000, pa.binary()))
    job = bench.job(bench.parquet(TABLE, other), model)
    assert job.input.objects[1].key in (await failure(driver, job, "input-mixed-schemas")).message


async def test_files_whose_types_widen_are_one_input(bench: Bench, driver: WarmDriver, model: ModelArtifact) -> None:
    narrow = TABLE.set_column(0, "id", TABLE["id"].cast(pa.int16()))
    output = bench.read(await score(driver, bench.job(bench.parquet(narrow, TABLE), model)))
    assert output.rows.schema.field("id").type == pa.int64()
    assert output.rows.num_rows == 4_000


def _with_id() -> object:
    named = signature()
    return named.model_copy(update={"inputs": (SignatureField(name="id", type="long", required=True), *named.inputs)})
