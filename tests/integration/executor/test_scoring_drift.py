"""What a run counts of its inputs and predictions, in the bins that its version's first run has fixed."""

import asyncio
import io
import uuid

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pytest
from skl2onnx import to_onnx
from sklearn.linear_model import LinearRegression

from schemas.signature import Signature, SignatureField
from services.executor.scoring.errors import ScoringError
from services.executor.scoring.histograms import VersionBins, bins_key
from services.executor.scoring.job import ScoringOutcome
from services.executor.scoring.objects import Bucket
from services.executor.scoring.warm_driver import WarmDriver
from tests.integration.executor.bench import FEATURES, Bench, features, frame, predicting, score, signature

TRAINING = features(500, seed=7)
ESTIMATOR = LinearRegression().fit(frame(TRAINING), frame(TRAINING).to_numpy() @ [3.0, -1.0, 0.5, 2.0])


@pytest.fixture
def model(bench: Bench):
    """The same model in its two ways of being scored, under ids that nobody has used."""

    def made(kind: str):
        names = {"id": f"m-{uuid.uuid4().hex[:12]}"}
        if kind == "sandboxed":
            return bench.sklearn(ESTIMATOR, **names)
        raw = to_onnx(ESTIMATOR, np.zeros((1, 4))).SerializeToString()
        return bench.model(raw, "model.onnx", format="onnx", **names)

    return made


def histogram(outcome: ScoringOutcome, metric: str, column: str) -> dict[str, float]:
    found = [one for one in outcome.observations if one.metric == metric and one.labels.get("column") == column]
    return {one.labels["bin"]: one.value for one in found}


def rows_counted(outcome: ScoringOutcome, which: str) -> list[float]:
    return [one.value for one in outcome.observations if one.metric == f"{which}_histogram_rows"]


def truth(values: np.ndarray, edges: tuple[float, ...]) -> list[int]:
    return np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1).tolist()


def stored(bench: Bench, model) -> VersionBins:
    return VersionBins.from_json(bytes(bench.results.get(bins_key(model))))


@pytest.mark.parametrize("kind", ["sandboxed", "data only"])
async def test_every_row_is_counted_where_the_first_run_fixed_the_bins(bench: Bench, driver, model, kind: str) -> None:
    chosen, table = model(kind), features(5_000, seed=1)
    await score(driver, bench.job(bench.parquet(features(3_000, seed=2)), chosen))
    bins = stored(bench, chosen)
    outcome = await score(driver, bench.job(bench.parquet(table), chosen))
    assert stored(bench, chosen) == bins
    assert [each.name for each in bins.inputs] == list(FEATURES)
    for each in bins.inputs:
        counted = list(histogram(outcome, "input_histogram", each.name).values())
        assert counted == [*truth(table[each.name].to_numpy(), each.edges), 0]
    predicted = bench.read(outcome).rows["prediction"].to_numpy().ravel()
    [prediction] = bins.predictions
    assert list(histogram(outcome, "prediction_histogram", "prediction").values()) == [
        *truth(predicted, prediction.edges),
        0,
    ]
    assert rows_counted(outcome, "input") == rows_counted(outcome, "prediction") == [5_000]


async def test_other_data_fall_into_other_bins_of_the_same_edges(bench: Bench, driver: WarmDriver, model) -> None:
    chosen, table = model("sandboxed"), features(2_000, seed=1)
    first = await score(driver, bench.job(bench.parquet(table), chosen))
    moved = table.set_column(1, "f0", pa.array(table["f0"].to_numpy() + 100))
    second = await score(driver, bench.job(bench.parquet(moved), chosen))
    above = str(len(histogram(second, "input_histogram", "f0")) - 2)
    assert histogram(first, "input_histogram", "f0")[above] < 200
    assert histogram(second, "input_histogram", "f0")[above] == 2_000
    assert histogram(second, "input_histogram", "f1") == histogram(first, "input_histogram", "f1")


async def test_two_first_runs_at_once_count_in_the_same_bins(bench: Bench, scoring_settings, driver, model) -> None:
    chosen = model("data only")
    stores = [Bucket(bench.s3, "results") for _ in range(8)]
    bins = [VersionBins((), ()).to_json() + b" " * number for number in range(8)]
    won = await asyncio.gather(
        *[asyncio.to_thread(store.put_new, bins_key(chosen), each) for store, each in zip(stores, bins, strict=True)]
    )
    assert sum(won) == 1
    assert bytes(bench.results.get(bins_key(chosen))) == bins[won.index(True)]
    outcome = await score(driver, bench.job(bench.parquet(features(100)), chosen))
    assert (outcome.rows_out, outcome.observations) == (100, ())


async def test_bins_that_are_no_bins_fail_no_run(bench: Bench, driver: WarmDriver, model) -> None:
    chosen = model("sandboxed")
    bench.results.put(bins_key(chosen), b"no bins")
    outcome = await score(driver, bench.job(bench.parquet(features(100)), chosen))
    assert (outcome.rows_out, outcome.observations) == (100, ())
    assert b"unreadable" in bench.fetch(outcome.log_uri)


async def test_a_first_run_that_fails_says_why_as_any_other(bench: Bench, driver: WarmDriver) -> None:
    chosen = bench.code(predicting("1 / 0"), id=f"m-{uuid.uuid4().hex[:12]}")
    with pytest.raises(ScoringError) as caught:
        await score(driver, bench.job(bench.parquet(features(100)), chosen))
    assert (caught.value.code, "ZeroDivisionError" in caught.value.message) == ("model-failed", True)
    assert bench.results.head(bins_key(chosen)) is None


@pytest.mark.parametrize("kind", ["parquet", "csv"])
async def test_texts_nulls_and_rejected_rows_are_counted_as_what_they_are(
    bench: Bench, driver: WarmDriver, kind: str
) -> None:
    inputs = [("shop", "string", True), ("customer", "string", False), ("price", "double", False)]
    fields = tuple(SignatureField(name=name, type=type_, required=required) for name, type_, required in inputs)
    chosen = bench.code(
        predicting("rows['price'].fillna(0).to_numpy()"),
        id=f"m-{uuid.uuid4().hex[:12]}",
        signature=Signature(inputs=fields, outputs=(), params=()),
    )
    shops = ["north", "south", "north", None] * 100
    table = pa.table(
        {"shop": shops, "customer": [f"person {row}" for row in range(400)], "price": [None, 1.0, 2.0, 3.0] * 100}
    )
    buffer = io.BytesIO()
    pacsv.write_csv(table, buffer)
    uri = bench.parquet(table) if kind == "parquet" else bench.new_input(buffer.getvalue(), suffix=".csv")
    outcome = await score(driver, bench.job(uri, chosen, format=kind))
    assert (outcome.rows_out, outcome.rows_rejected) == (300, 100)
    assert histogram(outcome, "input_histogram", "shop") == {"0": 200, "1": 100, "other": 0, "null": 0}
    assert histogram(outcome, "input_histogram", "customer") == {"any": 300, "null": 0}
    assert histogram(outcome, "input_histogram", "price")["null"] == 100
    [different] = [one.value for one in outcome.observations if one.metric == "input_distinct"]
    assert different == pytest.approx(300, rel=0.2)
    assert b"person" not in bytes(bench.results.get(bins_key(chosen)))


async def test_a_run_that_is_large_is_counted_by_a_share_of_its_rows(bench: Bench, driver: WarmDriver, model) -> None:
    table = features(200_000, seed=3)
    outcome = await score(driver, bench.job(bench.parquet(table, row_group_size=50_000), model("data only")))
    [counted] = rows_counted(outcome, "input")
    assert counted == pytest.approx(20_000, rel=0.1)
    assert sum(histogram(outcome, "input_histogram", "f0").values()) == counted
    assert [one.value for one in outcome.observations if one.metric == "input_histogram_every"] == [10]


async def test_a_child_that_lies_about_its_counts_fails_its_job(bench: Bench, driver: WarmDriver) -> None:
    """Its model replaces what counts, in its own process."""
    lying = (
        "type('Lie', (), {'__init__': lambda self, counting: setattr(self, 'counting', counting),"
        " 'add': lambda *_: None,"
        " 'counts': property(lambda self: self), 'packed': lambda self: (b'12345678' * 3, b'')})"
    )
    body = f"(setattr(__import__('sys').modules['child.split'], 'Counter', {lying}), np.zeros(len(rows)))[1]"
    chosen = bench.code(predicting(body), id=f"m-{uuid.uuid4().hex[:12]}", signature=signature())
    job = bench.job(bench.parquet(features(5_000)), chosen)
    with pytest.raises(ScoringError) as caught:
        await score(driver, job)
    assert caught.value.code == "model-failed"
    assert "no readable answer" in caught.value.message
