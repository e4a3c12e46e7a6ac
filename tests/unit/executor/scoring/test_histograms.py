"""Bins, what is counted in them, and what of another's counts is believed."""

import json
import math

import numpy as np
import pyarrow as pa
import pytest

from chassis.sandbox.child.bins import Bins, Counting, counts_of
from chassis.sandbox.child.counting import Counter, bins_of, counting_of
from chassis.sandbox.child.packing import pack_whole
from schemas.observations import MetricPoint
from schemas.signature import Signature
from services.executor.scoring.errors import ScoringError
from services.executor.scoring.histograms import (
    VersionBins,
    bins_key,
    merged,
    observations,
    version_bins,
)
from services.executor.scoring.job import ModelArtifact
from tests.unit.executor.fakes import NOON

TEN = Bins("x", "number", edges=tuple(float(edge) for edge in range(11)))


def counted(bins, values, *, every=1):
    counter = Counter(Counting((bins,), every))
    counter.add({bins.name: values}, len(values))
    return counter.counts


def made(values, name="x"):
    return bins_of(name, pa.array(values), bins=20, categories=50)


def test_a_samples_numbers_fall_into_bins_of_the_same_size_and_none_outside():
    values = pa.array(np.random.default_rng(0).lognormal(size=10_000))
    counts = counted(bins_of("x", values, bins=20, categories=50), values)
    [column] = counts.columns
    assert column[1:-2] == pytest.approx([500] * 20, abs=1)
    assert [column[0], *column[-2:]] == [0, 0, 0]


def test_a_value_on_an_edge_belongs_above_it_and_what_lies_outside_is_counted_there():
    values = pa.array([-1.0, 0.0, 0.5, 1.0, 9.99, 10.0, math.inf, -math.inf, math.nan, None])
    [column] = counted(TEN, values).columns
    assert column == [2, 2, 1, 0, 0, 0, 0, 0, 0, 0, 1, 2, 2]


@pytest.mark.parametrize(
    "values",
    [[7] * 100, [None, None], [math.nan, math.inf], [1.7976931348623157e308, 0.0], [-0.0, 0.0], list(range(3))],
)
def test_odd_samples_give_ascending_finite_edges(values):
    bins = made(pa.array(values, pa.float64()))
    assert all(math.isfinite(edge) for edge in bins.edges)
    assert list(bins.edges) == sorted(set(bins.edges))
    assert sum(counted(bins, pa.array(values, pa.float64())).columns[0]) == len(values)


def test_integers_times_and_nulls_between_them_are_numbers():
    times = pa.array([0, None, 10**18], pa.timestamp("ns"))
    for values in (pa.array([1, None, 3], pa.int64()), times):
        assert counted(bins_of("x", values, bins=20, categories=50), values).columns[0][-1] == 1


def test_few_values_that_repeat_are_categories_and_what_comes_later_is_another():
    bins = made(["north", "south"] * 50)
    assert (bins.kind, bins.categories) == ("category", ("north", "south"))
    assert counted(bins, pa.array(["south", "east", None, "south"])).columns[0] == [0, 2, 1, 1]
    assert made([True, False] * 50).categories == ("false", "true")
    assert counted(made([True, False] * 50), pa.array([True, None])).columns[0] == [0, 1, 0, 1]


@pytest.mark.parametrize(
    "values",
    [
        [f"person {number}" for number in range(100)],
        [f"person {number}" for number in range(30)] * 2,
        ["two\nlines"] * 100,
        ["x" * 200] * 100,
        [" "] * 100,
        [],
    ],
)
def test_values_that_may_be_persons_or_no_labels_are_kept_nowhere(values):
    bins = bins_of("x", pa.array(values, pa.string()), bins=20, categories=50)
    assert (bins.kind, bins.categories) == ("text", ())
    counts = counted(bins, pa.array([*values, None], pa.string()))
    assert counts.columns[0] == [len(values), 1]
    assert not any(value in json.dumps([counts.columns, counts.sketches]) for value in values if value.strip())


@pytest.mark.parametrize("different", [10, 200, 50_000])
def test_different_texts_are_counted_roughly_over_many_chunks(different):
    names = np.array([f"name {number}" for number in range(different)])
    values = np.random.default_rng(1).permutation(np.concatenate([names, names]))
    bins = Bins("x", "text")
    parts = [counted(bins, pa.array(part.tolist())) for part in np.array_split(values, 7)]
    assert merged(parts).distinct("x") == pytest.approx(different, rel=0.15)


def test_counts_of_chunks_add_up_to_those_of_the_whole():
    values = np.random.default_rng(2).normal(size=3_000)
    bins = made(values[:100])
    parts = [counted(bins, pa.array(part)) for part in np.array_split(values, 11)]
    whole = counted(bins, pa.array(values))
    assert merged([None, *parts]).columns[0] == whole.columns[0]
    assert merged([None]) is None


def test_a_share_of_the_rows_is_about_what_all_of_them_are_even_in_rhythmic_data():
    values = pa.array(np.arange(100_000) % 10 + 0.5)
    share = counted(TEN, values, every=100)
    assert share.rows == 1_000
    assert min(share.columns[0][1:11]) > 60
    assert sum(share.columns[0]) == share.rows


def test_only_columns_whose_bins_fit_their_type_are_counted():
    bins = (TEN, Bins("shop", "category", categories=("a",)), Bins("gone", "text"), Bins("raw", "text"))
    schema = pa.schema([("shop", pa.string()), ("x", pa.string()), ("raw", pa.binary())])
    assert [each.name for each in counting_of(bins, schema, every=3).bins] == ["shop", "raw"]
    assert counting_of(bins, pa.schema([("x", pa.string())]), every=1) is None


COUNTING = Counting((TEN, Bins("t", "text")))
TRUE = counted(TEN, pa.array([1.5, 2.5])).columns[0]
HASHES = [3 - 2**63, 8 - 2**63]


def taken(numbers, hashes, rows=2):
    return counts_of(COUNTING, memoryview(pack_whole(numbers)), memoryview(pack_whole(hashes)), rows=rows)


def test_honest_counts_are_taken():
    counts = taken([2, *TRUE, 2, 0], [2, *HASHES])
    assert (counts.rows, counts.columns, counts.sketches) == (2, [TRUE, [2, 0]], {"t": [3, 8]})


@pytest.mark.parametrize(
    "numbers",
    [[], [3, *TRUE, 2, 0], [1, *TRUE, 2, 0], [2, *TRUE], [2, *TRUE, 2, 0, 0], [2, *TRUE[1:], 2, 0], [2, *TRUE, 1, 0]],
)
def test_forged_counts_are_refused(numbers):
    with pytest.raises(ValueError, match=r"it counted|add up"):
        taken(numbers, [2, *HASHES])


@pytest.mark.parametrize("hashes", [[], [1], [3, *HASHES], [2, *HASHES[::-1]], [2, HASHES[0], HASHES[0]], [-1], [257]])
def test_forged_sketches_are_refused(hashes):
    with pytest.raises(ValueError, match="sketche"):
        taken([2, *TRUE, 2, 0], hashes)


@pytest.mark.parametrize("name", ["Verk\u00e4ufe (kg)", "a\nb", "\x00", " ", "x" * 300, "\u202e", "\U0001f600"])
def test_every_observation_may_travel_whatever_its_column_is_called(name):
    bins = (Bins(name, "number", edges=(0.5,)), Bins("shop", "category", categories=("a b",)), Bins("t", "text"))
    counter = Counter(Counting(bins))
    counter.add({name: pa.array([1.0]), "shop": pa.array(["a b"]), "t": pa.array(["x"])}, 1)
    told = list(observations("input", counter.counts))
    for each in told:
        MetricPoint(metric=each.metric, time=NOON, value=each.value, labels=each.labels or None)
    assert sum(each.value for each in told if each.metric == "input_histogram") == 3


def test_an_observation_says_its_column_its_bin_and_its_ends():
    counts = counted(Bins("x", "number", edges=(0.1, 2.0)), pa.array([1.0, None]))
    assert [(each.metric, each.value, each.labels) for each in observations("prediction", counts)] == [
        ("prediction_histogram_rows", 2.0, {}),
        ("prediction_histogram_every", 1.0, {}),
        ("prediction_histogram", 0.0, {"column": "x", "bin": "0", "low": "-inf", "high": "0.1"}),
        ("prediction_histogram", 1.0, {"column": "x", "bin": "1", "low": "0.1", "high": "2.0"}),
        ("prediction_histogram", 0.0, {"column": "x", "bin": "2", "low": "2.0", "high": "inf"}),
        ("prediction_histogram", 1.0, {"column": "x", "bin": "null"}),
    ]
    assert list(observations("input", None)) == []


MODEL = ModelArtifact(
    id="demand",
    version=3,
    format="onnx",
    uri="s3://models/sha256/0/m",
    sha256="0",
    signature=Signature(inputs=(), outputs=(), params=()),
)
FIRST, SECOND = VersionBins((TEN,), (TEN,)), VersionBins((Bins("x", "text"),), ())


class FakeObjects(dict):
    """A bucket; `racing` is what another run puts just before ours does."""

    away, racing = None, None

    def get(self, key):
        if self.away:
            raise ScoringError(self.away, "switched off by the test")
        if key not in self:
            raise ScoringError("object-missing", key)
        return memoryview(self[key])

    def put_new(self, key, data):
        if self.racing:
            self[key] = self.racing
        return self.setdefault(key, data) is data


def test_the_first_run_fixes_the_bins_and_the_next_one_asks_for_no_sample():
    store = FakeObjects()
    assert version_bins(store, MODEL, lambda: FIRST)[0] == FIRST
    assert list(store) == ["_drift/demand/3/bins.json"]
    assert version_bins(store, MODEL, lambda: 1 / 0) == (FIRST, "an earlier run")


def test_of_two_first_runs_both_use_the_bins_of_the_one_that_was_sooner():
    store = FakeObjects()
    store.racing = SECOND.to_json()
    assert version_bins(store, MODEL, lambda: FIRST)[0] == SECOND


def test_without_a_sample_nothing_is_fixed():
    store = FakeObjects()
    assert version_bins(store, MODEL, lambda: None)[0] is None
    assert not store


@pytest.mark.parametrize("stored", [b"", b"{}", b'{"format": 2}', b'{"format": 1, "inputs": 7}', b"\xff"])
def test_bins_that_cannot_be_read_count_nothing_and_fail_nothing(stored):
    bins, why = version_bins(FakeObjects({bins_key(MODEL): stored}), MODEL, lambda: FIRST)
    assert (bins, "unreadable" in why) == (None, True)


@pytest.mark.parametrize("code", ["store-unavailable", "object-forbidden", "object-unfit"])
def test_bins_that_are_not_to_be_had_count_nothing_and_what_the_sample_raises_is_raised(code):
    store = FakeObjects()
    store.away = code
    assert version_bins(store, MODEL, lambda: FIRST)[0] is None
    store.away = None

    def lost():
        raise ScoringError("worker-lost", "killed")

    with pytest.raises(ScoringError):
        version_bins(store, MODEL, lost)
