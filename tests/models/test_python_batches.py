"""A module of one's own: what its functions get, and which functions can't be called."""

from functools import partial

import numpy as np
import pandas as pd
import pytest

from tests.models.harness import agree
from tests.models.python_modules import FRAME, X, score_module
from tests.models.stored_tables import KINDS, refused, stored

SEEN = """[f"{list(map(str, batch.dtypes))}{row!r}" for row in zip(*(batch[name] for name in batch), strict=True)]"""
NULLABLE = pd.DataFrame(
    {
        "whole": pd.array([1, None, 3], "Int64"),
        "real": [0.5, np.nan, -0.0],
        "flag": pd.array([True, None, False], "boolean"),
        "text": ["a", None, "é"],
    }
)
KINDS_OF = {"whole": "long", "real": "double", "flag": "boolean", "text": "string"}


@pytest.fixture
def score(tmp_path):
    return partial(score_module, tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_a_frame_holds_what_pandas_reads(score, kind):
    for frame, mark in ((NULLABLE, "?"), (NULLABLE.dropna().reset_index(drop=True), "")):
        read = stored(frame, kind)
        expected = [
            f"{list(map(str, read.frame.dtypes))}{row!r}"
            for row in zip(*(read.frame[name] for name in read.frame), strict=True)
        ]

        agree(score(SEEN, read.data, inputs={name: each + mark for name, each in KINDS_OF.items()}), expected)


def test_a_column_is_of_one_dtype_in_every_batch(score):
    data = stored(pd.concat([NULLABLE.dropna(), NULLABLE], ignore_index=True), "parquet").data

    result = score(
        "[str(list(batch.dtypes))] * len(batch)",
        data,
        inputs={name: f"{each}?" for name, each in KINDS_OF.items()},
        row_group_size=2,
    )

    assert len(set(result["prediction"])) == 1


def test_a_model_may_change_its_batch(score):
    body = [
        "def predict(model, batch):",
        "    batch['n'] += 1",
        "    batch.iloc[0, 0] = 5.0",
        "    batch.drop(columns='x', inplace=True)",
        "    return batch['n']",
    ]

    agree(score("\n".join(body)), FRAME["n"] + 1)


ARROW = """
def predict(model, batch{annotation}):
    assert isinstance(batch, pa.{kind})
    return pa.compute.multiply(batch["x"], 2)
"""


@pytest.mark.parametrize(
    ("annotation", "kind"),
    [
        (": pa.Table", "Table"),
        (": pa.RecordBatch", "RecordBatch"),
        (": 'pa.Table'", "Table"),
        (": 'OnlyAChecker | pa.Table'", "Table"),
        (": pa.Table | None", "Table"),
        (": 'lib.RecordBatch'", "RecordBatch"),
    ],
)
def test_arrow_is_given_to_what_says_so(score, annotation, kind):
    body = "import pyarrow.compute\n" + ARROW.format(annotation=annotation, kind=kind)

    agree(score(body, outputs={"prediction": "double"}), X * 2, tolerance=0)


@pytest.mark.parametrize(
    "annotation", [": pd.DataFrame", ": 'pd.DataFrame'", ": pd.DataFrame | pa.Table", "", ": object"]
)
def test_a_frame_is_given_to_all_else(score, annotation):
    agree(
        score(f"def predict(model, batch{annotation}):\n    return batch['x'].map(lambda value: value * 2)"),
        X * 2,
        tolerance=0,
    )


@pytest.mark.parametrize(
    "annotation", ["np.ndarray", "list[float]", "pd.Series", "list", "dict[str, list]", "'np.ndarray'"]
)
def test_what_by_its_type_takes_no_batch_is_refused(score, annotation):
    refused(
        score(f"def predict(model, batch: {annotation}):\n    return batch"),
        "model-unsupported",
        "by its type, predict takes a batch of",
    )


@pytest.mark.parametrize(
    ("body", "params", "code", "reason"),
    [
        (
            "def predict(model, batch, factor):\n    return batch['x'] * factor",
            {"by": 2},
            "signature-mismatch",
            r"predict\(model, batch, factor\) doesn't take .* parameters by",
        ),
        (
            "def predict(model, batch):\n    return batch['x']",
            {"by": 2},
            "signature-mismatch",
            "give it parameters of these names",
        ),
        ("def predict(model):\n    return model", {}, "model-unsupported", "can't be called as predict"),
        (
            "def predict(model, batch, factor):\n    return batch['x']",
            {},
            "model-unsupported",
            "can't be called as predict",
        ),
        ("async def predict(model, batch):\n    return batch['x']", {}, "model-unsupported", "asynchronous"),
        (
            "def other(model, batch):\n    return batch['x']",
            {},
            "model-unsupported",
            "has no function predict: it has to define",
        ),
    ],
)
def test_a_function_that_cannot_be_called_is_refused_when_it_is_loaded(score, body, params, code, reason):
    refused(score(body, params=params), code, reason)


def test_parameters_are_given_by_their_names(score):
    agree(
        score(
            "def predict(model, batch, *, by=1, **more):\n    return batch['x'] * by * more['times']",
            params={"by": 2, "times": 3},
        ),
        X * 6,
    )
