"""A module of one's own: values of every type, as the signature's outputs keep them."""

from functools import partial

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from tests.models.harness import agree, columns
from tests.models.python_modules import FRAME, ROWS, score_module
from tests.models.stored_tables import sampled

DTYPES = (
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "float16",
    "float32",
    "float64",
    "bool",
)
FITTING = {
    "integer": ("int8", "int16", "int32", "uint8", "uint16"),
    "long": DTYPES,
    "double": DTYPES,
    "float": DTYPES,
    "boolean": DTYPES,
    "string": DTYPES,
}
TYPED = [(dtype, kind) for dtype in DTYPES for kind in FITTING]


@pytest.fixture
def score(tmp_path):
    return partial(score_module, tmp_path)


@pytest.mark.parametrize(("dtype", "kind"), sampled(TYPED, 9, ids=["-".join(each) for each in TYPED]))
def test_numbers_of_every_dtype_keep_their_value_in_every_type(score, dtype, kind):
    result = score(f"(batch['n'] % 2).to_numpy().astype('{dtype}')", outputs={"prediction": kind})

    expected = FRAME["n"] % 2
    texts = {"bool": expected.astype(bool).astype(str)}.get(dtype, expected.astype(str))
    agree(result, texts if kind == "string" else expected.astype(bool) if kind == "boolean" else expected, tolerance=0)


TYPES = {
    "texts": ("[None if n % 3 else 'é' for n in batch['n']]", "string", [None if n % 3 else "é" for n in range(ROWS)]),
    "categories": (
        "pd.Categorical(np.where(batch['n'] % 2, 'a', 'b'))",
        "string",
        np.where(np.arange(ROWS) % 2, "a", "b"),
    ),
    "NumPy's texts": ("np.where(batch['n'] % 2, 'a', 'bb')", "string", np.where(np.arange(ROWS) % 2, "a", "bb")),
    "bytes": ("[bytes([n]) for n in batch['n']]", "binary", [bytes([n]) for n in range(ROWS)]),
    "booleans with none": (
        "[None if n % 3 else True for n in batch['n']]",
        "boolean",
        [None if n % 3 else True for n in range(ROWS)],
    ),
    "missing whole numbers": (
        "np.where(batch['n'] % 2, np.nan, batch['n'])",
        "long",
        [None if n % 2 else n for n in range(ROWS)],
    ),
    "large whole numbers": (
        "pa.array([None if n % 2 else 2**60 + n for n in batch['n']])",
        "long",
        [None if n % 2 else 2**60 + n for n in range(ROWS)],
    ),
    "days": (
        "[datetime.date(2024, 1, 1) + datetime.timedelta(n) for n in batch['n']]",
        "datetime",
        pd.date_range("2024-01-01", periods=ROWS).to_numpy(),
    ),
    "days of NumPy": (
        "np.datetime64('2024-01-01') + batch['n'].to_numpy()",
        "datetime",
        pd.date_range("2024-01-01", periods=ROWS).to_numpy(),
    ),
    "times of a zone": (
        "pd.to_datetime(batch['n'], unit='h', utc=True).dt.tz_convert('Asia/Tokyo')",
        "datetime",
        pd.to_datetime(np.arange(ROWS), unit="h").to_numpy(),
    ),
    "times of two zones": (
        "[pd.Timestamp(f'2024-01-01T00:00+0{n % 2}:00').to_pydatetime() for n in batch['n']]",
        "datetime",
        pd.to_datetime([f"2024-01-01T00:00+0{n % 2}:00" for n in range(ROWS)], utc=True).tz_localize(None).to_numpy(),
    ),
    "nanoseconds": ("[pd.Timestamp(int(n)) for n in batch['n']]", "datetime", np.arange(ROWS).astype("datetime64[ns]")),
}


@pytest.mark.parametrize("name", sampled(list(TYPES), 3))
def test_values_of_every_type_are_kept(score, name):
    body, kind, expected = TYPES[name]

    result = score(body, outputs={"prediction": f"{kind}?"})

    assert result.refused is None, result.refused
    assert result.predictions["prediction"].equals(
        pa.chunked_array([pa.array(expected, columns(x=kind)[0].arrow_type)])
    )
