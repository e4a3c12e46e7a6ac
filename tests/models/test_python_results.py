"""A module of one's own: what it gets, and every kind of result that it may give, put to the right rows or refused."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from tests.models.harness import agree, columns, scored
from tests.models.stored_tables import KINDS, refused, sampled, stored

ROWS = 70
X = np.round(np.random.default_rng(5).normal(size=ROWS), 3)
FRAME = pd.DataFrame({"x": X, "n": np.arange(ROWS)})
DATA = stored(FRAME, "parquet").data
HEAD = """
import datetime
import decimal
import numpy as np
import pandas as pd
import pyarrow as pa
from scipy import sparse


def load(path):
    return None


"""
FRAME_BODY = "def predict(model, batch):\n    return "


@pytest.fixture
def score(tmp_path):
    def inner(body, data=DATA, *, outputs=(), inputs=None, params=None, row_group_size=32):
        """`body`: what predict gives, or whole functions."""
        whole = body if "def " in body else FRAME_BODY + body
        (tmp_path / "model.py").write_text(HEAD + whole + "\n")
        given = columns(**(inputs or {"x": "double", "n": "long"}))
        return scored(
            "python",
            tmp_path / "model.py",
            inputs=given,
            outputs=columns(**dict(outputs)),
            data=data,
            params=params,
            row_group_size=row_group_size,
        )

    return inner


ONE = {
    "series": ("batch['x'] * 2", "double"),
    "values": ("(batch['x'] * 2).to_numpy()", "double"),
    "list": ("[value * 2 for value in batch['x']]", "double"),
    "generator": ("(value * 2 for value in batch['x'])", "double"),
    "map": ("map(float, batch['x'] * 2)", "double"),
    "tuple": ("tuple(batch['x'] * 2)", "double"),
    "index": ("pd.Index(batch['x'] * 2)", "double"),
    "frame of one": ("(batch[['x']] * 2).rename(columns={'x': 'anything'})", "double"),
    "frame with the output in it": ("batch.assign(prediction=batch['x'] * 2)", "double"),
    "column": ("(batch[['x']] * 2).to_numpy()", "double"),
    "list of lists": ("(batch[['x']] * 2).to_numpy().tolist()", "double"),
    "list of arrays": ("list((batch[['x']] * 2).to_numpy())", "double"),
    "records": ("[{'prediction': value * 2} for value in batch['x']]", "double"),
    "mapping": ("{'prediction': batch['x'] * 2}", "double"),
    "mapping of lists": ("{'prediction': list(batch['x'] * 2), 'more': 1 * list(batch['x'])}", "double"),
    "structured array": ("np.array([(value * 2,) for value in batch['x']], dtype=[('prediction', 'f8')])", "double"),
    "sparse": ("sparse.csr_matrix((batch[['x']] * 2).to_numpy())", "double"),
    "masked": ("np.ma.masked_invalid(batch['x'] * 2)", "double"),
    "arrow array": ("pa.array(batch['x'] * 2)", "double"),
    "arrow chunks": ("pa.chunked_array([pa.array(batch['x'][:1] * 2), pa.array(batch['x'][1:] * 2)])", "double"),
    "arrow table": ("pa.table({'prediction': batch['x'] * 2})", "double"),
    "arrow batch": ("pa.RecordBatch.from_pydict({'prediction': batch['x'] * 2})", "double"),
    "nullable series": ("(batch['x'] * 2).convert_dtypes()", "double"),
    "arrow series": ("(batch['x'] * 2).astype('double[pyarrow]')", "double"),
    "objects": ("(batch['x'] * 2).astype(object)", "double"),
    "decimals": ("[decimal.Decimal(str(value)) * 2 for value in batch['x']]", "double"),
    "long doubles": ("batch['x'].to_numpy().astype(np.longdouble) * 2", "double"),
    "big endian": ("(batch['x'] * 2).to_numpy().astype('>f8')", "double"),
    "single precision": ("(batch['x'] * 2).astype('float32')", "float"),
    "sorted by another column, with its labels": ("(batch.sort_values('x')['x'] * 2)", "double"),
    "a frame sorted, with its labels": (
        "batch.sort_values('x').assign(prediction=lambda frame: frame['x'] * 2)",
        "double",
    ),
    "shuffled, with its labels": ("(batch.sample(frac=1, random_state=0)['x'] * 2)", "double"),
}
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


@pytest.mark.parametrize("name", sampled(list(ONE), 4))
def test_a_value_a_row_in_any_form_is_that_row_s(score, name):
    body, kind = ONE[name]
    tolerance = 1e-6 if kind == "float" else 0

    agree(score(body, outputs={"prediction": kind}), X * 2, tolerance=tolerance)
    agree(score(body, outputs={"prediction": kind}, row_group_size=ROWS - 1), X * 2, tolerance=tolerance)
    if name != "decimals":
        agree(score(body), X * 2, tolerance=tolerance)


@pytest.mark.parametrize(("dtype", "kind"), sampled(TYPED, 9, ids=["-".join(each) for each in TYPED]))
def test_numbers_of_every_dtype_keep_their_value_in_every_type(score, dtype, kind):
    result = score(f"(batch['n'] % 2).to_numpy().astype('{dtype}')", outputs={"prediction": kind})

    expected = FRAME["n"] % 2
    texts = {"bool": expected.astype(bool).astype(str)}.get(dtype, expected.astype(str))
    agree(result, texts if kind == "string" else expected.astype(bool) if kind == "boolean" else expected, tolerance=0)


SEVERAL = {
    "array": "np.column_stack([batch['x'], -batch['x']])",
    "tuple of series": "batch['x'], -batch['x']",
    "tuple of lists": "list(batch['x']), list(-batch['x'])",
    "tuple of arrow arrays": "pa.array(batch['x']), pa.array(-batch['x'])",
    "rows": "[[value, -value] for value in batch['x']]",
    "tuples": "[(value, -value) for value in batch['x']]",
    "generator of rows": "((value, -value) for value in batch['x'])",
    "frame without names": "pd.DataFrame(np.column_stack([batch['x'], -batch['x']]))",
    "frame in another order": "pd.DataFrame({'low': -batch['x'], 'more': 0, 'high': batch['x']})",
    "mapping": "{'low': -batch['x'], 'high': batch['x']}",
    "mapping with labels": "{'low': (-batch['x'])[::-1], 'high': batch['x'].sort_values()}",
    "records": "[{'low': -value, 'high': value} for value in batch['x']]",
    "arrow": "pa.table({'low': -batch['x'], 'high': batch['x']})",
    "sparse": "sparse.csc_array(np.column_stack([batch['x'], -batch['x']]))",
    "structured": "np.array([(-value, value) for value in batch['x']], dtype=[('low', 'f8'), ('high', 'f8')])",
}


@pytest.mark.parametrize("name", sampled(list(SEVERAL), 4))
def test_several_outputs_by_their_names_or_by_place(score, name):
    result = score(SEVERAL[name], outputs={"high": "double", "low": "double"})

    agree(result, X, output="high", tolerance=0)
    agree(result, -X, output="low", tolerance=0)


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


TWO = {"high": "double", "low": "double"}
DOUBLE, LONG, TEXT = ({"prediction": kind} for kind in ("double", "long", "string"))
REFUSED = [
    ("None", DOUBLE, "nothing"),
    ("3.0", DOUBLE, "a single value of type float"),
    ("'text'", TEXT, "a single value of type str"),
    ("{'prediction': 3.0}", DOUBLE, "single value"),
    ("set(batch['x'])", DOUBLE, "a set, which has no order"),
    ("batch['x'][1:]", DOUBLE, r"31 predictions for 32 rows"),
    ("list(batch['x']) * 2", DOUBLE, "64 predictions for 32 rows"),
    ("batch", DOUBLE, "columns named x, n and none named prediction"),
    ("pd.DataFrame({'min': batch['x'], 'max': batch['x']})", TWO, "none named high, low: name the signature's outputs"),
    ("pd.DataFrame({'high': batch['x'], 'max': batch['x']})", TWO, "none named low"),
    (
        "pd.concat([batch['x'], batch['x'], batch['x']], axis=1).set_axis(['high', 'low', 'low'], axis=1)",
        TWO,
        "several columns named low",
    ),
    (
        "pa.table([batch['x'], batch['x'], batch['x']], names=['high', 'low', 'high'])",
        TWO,
        "several columns named high",
    ),
    ("batch['x']", TWO, "1 column and 2 are expected"),
    ("np.column_stack([batch['x'], batch['x']]).T", TWO, "32 columns and 2|2 predictions for 32"),
    ("[batch['x'], batch['n']]", TWO, "rows or columns"),
    ("batch.set_index('n')['x']", DOUBLE, "index of its own"),
    ("batch['x'].set_axis([f'row {n}' for n in batch['n']])", DOUBLE, "index of its own"),
    ("batch.assign(prediction=1.0).set_index(['n', 'x'])", DOUBLE, "index of its own"),
    ("batch['x'] + 0.5j", DOUBLE, "complex128"),
    ("[[1, 2], *[[1]] * (len(batch) - 1)]", TWO, "different lengths"),
    ("np.zeros((len(batch), 1, 1))", DOUBLE, "shape"),
    ("[object()] * len(batch)", DOUBLE, "of type object"),
    ("[1, 'a'] * (len(batch) // 2)", DOUBLE, "the types int, str"),
    ("[2**70] * len(batch)", DOUBLE, "of no one type"),
    ("[{'prediction': 1}, *[{}] * (len(batch) - 1)]", DOUBLE, "different names"),
    ("batch['n'].astype(str)", DOUBLE, "of type double in the signature, and the model gives string"),
    ("pd.to_timedelta(batch['n'], unit='s')", LONG, "gives duration"),
    ("batch['x']", LONG, "of type long .* gives double that it can't hold"),
    ("np.full(len(batch), np.nan)", LONG, "required in the signature, and the model gives no value"),
    ("[None] * len(batch)", DOUBLE, "gives no value"),
    ("np.full(len(batch), 2**53 + 1)", DOUBLE, "int64 that it can't hold"),
    ("np.full(len(batch), 1e300)", {"prediction": "float"}, "double that it can't hold"),
    ("np.full(len(batch), 300)", {"prediction": "boolean"}, "int64 that it can't hold"),
    ("np.full(len(batch), 2**40)", {"prediction": "integer"}, "int64 that it can't hold"),
    ("batch['n'].astype(str)", {"prediction": "datetime"}, "gives string"),
    ("np.full(len(batch), np.datetime64('3000-01-01'))", {"prediction": "datetime"}, "that it can't hold"),
    ("pd.period_range('2024', periods=len(batch), freq='D')", {}, "declare its outputs"),
]


@pytest.mark.parametrize(("body", "outputs", "reason"), REFUSED, ids=[body for body, _, _ in REFUSED])
def test_what_may_be_another_row_s_or_is_no_value_of_that_type_is_refused(score, body, outputs, reason):
    refused(score(body, outputs=outputs), "prediction-shape", reason)


def test_a_value_that_is_not_kept_is_told_with_its_row_in_the_data_and_without_itself(score):
    data = pa.table({"x": pa.array([1.0, None, *[2.0] * 60, 2.7, 3.0]), "n": range(64)})

    result = score("batch['x']", data, outputs=LONG, row_group_size=64)

    refused(result, "prediction-shape", "output prediction is of type long")
    assert result.refused.row == 62
    assert "2.7" not in result.refused.message


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

    agree(score(body, outputs=DOUBLE), X * 2, tolerance=0)


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
