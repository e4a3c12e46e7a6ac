"""A module of one's own: every kind of result that it may give, put to the right rows or refused."""

from functools import partial

import pyarrow as pa
import pytest

from tests.models.harness import agree
from tests.models.python_modules import ROWS, X, score_module
from tests.models.stored_tables import refused, sampled

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


@pytest.fixture
def score(tmp_path):
    return partial(score_module, tmp_path)


@pytest.mark.parametrize("name", sampled(list(ONE), 4))
def test_a_value_a_row_in_any_form_is_that_row_s(score, name):
    body, kind = ONE[name]
    tolerance = 1e-6 if kind == "float" else 0

    agree(score(body, outputs={"prediction": kind}), X * 2, tolerance=tolerance)
    agree(score(body, outputs={"prediction": kind}, row_group_size=ROWS - 1), X * 2, tolerance=tolerance)
    if name != "decimals":
        agree(score(body), X * 2, tolerance=tolerance)


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
