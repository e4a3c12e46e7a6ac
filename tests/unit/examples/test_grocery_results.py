import hashlib
import json
from io import BytesIO
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from examples.grocery.errors import DemoError
from examples.grocery.results import errors_of, read_predictions, with_prediction

MANIFEST = "s3://results/d/e/attempt-1/manifest.json"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class Objects:
    """Two parts of two rows each, under a manifest."""

    def __init__(self) -> None:
        self.stored: dict[str, bytes] = {}
        parts = [self._part(number) for number in (0, 1)]
        self.put_manifest({"rows": 4, "parts": parts})

    def put_manifest(self, content: dict[str, Any]) -> None:
        self.stored[MANIFEST] = json.dumps(content).encode()
        self.output = {"manifest_uri": MANIFEST, "manifest_sha256": sha256(self.stored[MANIFEST])}

    def _part(self, number: int) -> dict[str, Any]:
        key = f"d/e/attempt-1/part-{number}.parquet"
        rows = pa.table({"product_id": [1, 2], "store_id": [7, 7], "week": [43 + number] * 2, "prediction": [1.0, 0.5]})
        buffer = BytesIO()
        pq.write_table(rows, buffer)
        self.stored[f"s3://results/{key}"] = buffer.getvalue()
        return {"key": key, "rows": 2, "sha256": sha256(buffer.getvalue())}

    async def read(self, uri: str) -> bytes:
        return self.stored[uri]


@pytest.fixture
def truth() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "product_id": [2, 1, 2, 1],
            "store_id": [7] * 4,
            "week": [44, 44, 43, 43],
            "department": ["PRODUCE"] * 4,
            "units": [1.0, 1.0, 0.0, 3.0],
            "naive": [0.0, 3.0, 0.0, 1.0],
        }
    )


async def test_predictions_are_all_parts_of_the_manifest() -> None:
    objects = Objects()

    table = await read_predictions(objects, objects.output)

    assert table["week"].to_pylist() == [43, 43, 44, 44]


async def test_a_part_that_was_changed_is_refused() -> None:
    objects = Objects()
    objects.stored["s3://results/d/e/attempt-1/part-1.parquet"] += b"!"

    with pytest.raises(DemoError, match=r"part-1\.parquet is not what was announced"):
        await read_predictions(objects, objects.output)


async def test_a_manifest_that_was_changed_is_refused() -> None:
    objects = Objects()
    objects.output["manifest_sha256"] = "0" * 64

    with pytest.raises(DemoError, match=r"manifest\.json is not what was announced"):
        await read_predictions(objects, objects.output)


async def test_predictions_join_the_truth_by_key_not_by_place(truth: pd.DataFrame) -> None:
    objects = Objects()

    joined = with_prediction(truth, await read_predictions(objects, objects.output), "boosted")

    assert joined["boosted"].tolist() == [0.5, 1.0, 0.5, 1.0]


async def test_a_row_without_a_prediction_is_an_error(truth: pd.DataFrame) -> None:
    objects = Objects()
    predictions = await read_predictions(objects, objects.output)

    with pytest.raises(DemoError, match="3 predictions for 4 rows, 1 without one"):
        with_prediction(truth, predictions.slice(1), "boosted")


def test_errors_are_counted_by_row_and_by_what_a_planner_orders(truth: pd.DataFrame) -> None:
    errors = errors_of(truth, "naive")

    assert errors.mae == (1 + 2 + 0 + 2) / 4
    assert errors.rmse == pytest.approx((9 / 4) ** 0.5)
    assert errors.wape == 5 / 5
    # Week 44: 3 against 2; week 43: 1 against 3.
    assert errors.planning_wape == 3 / 5
