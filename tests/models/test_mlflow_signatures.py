"""MLflow's signatures of every kind, each called directly on what pandas reads, and through the platform."""

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema, TensorSpec
from mlflow.types.schema import AnyType, Array, Map, Object, Property

from tests.models.harness import agree, columns, scored
from tests.models.mlflow_models import FRAME, RANDOM, ROWS, TYPES, Described, Total, directly, logged, signature
from tests.models.stored_tables import KINDS, refused, sampled, some_rows, stored

EACH = [
    (kind, named, data)
    for kind in TYPES
    for named in (True, False)
    for data in KINDS
    if not (data == "csv" and kind in {"binary", "datetime", "integer", "float"})
]


@pytest.mark.parametrize(("kind", "named", "data"), sampled(EACH, 3, ids=[" ".join(map(str, each)) for each in EACH]))
def test_a_column_of_every_type_is_the_one_that_mlflow_takes(folder, kind, named, data):
    model = logged(folder, Described(), signature=signature(kind, named=named))
    read = stored(FRAME[[kind]], data)

    result = scored("mlflow", folder, inputs=columns(**{kind: kind}), data=read.data, row_group_size=ROWS - 1)

    agree(result, directly(model, read.frame))


MISSING = [
    (kind, data)
    for kind in TYPES
    if kind not in {"integer", "long"}
    for data in KINDS
    if not (data == "csv" and kind in {"binary", "datetime", "float"})
]


@pytest.mark.parametrize(("kind", "data"), sampled(MISSING, 3, ids=[" ".join(each) for each in MISSING]))
def test_a_missing_value_of_every_type_is_the_one_that_pandas_reads(folder, kind, data):
    model = logged(folder, Described(), signature=signature(kind, required=False))
    some = FRAME[[kind]].astype(object).where(np.arange(ROWS)[:, None] % 3 > 0, None)
    typed = some.astype("boolean") if kind == "boolean" else some.astype(FRAME.dtypes[[kind]])
    read = stored(typed.assign(id=range(ROWS)), data)

    result = scored("mlflow", folder, inputs=columns(**{kind: f"{kind}?"}), data=read.data, row_group_size=33)

    agree(result, directly(model, read.frame[[kind]]))


@pytest.mark.parametrize("data", KINDS)
def test_whole_numbers_of_which_some_are_missing_are_doubles_to_mlflow(folder, data):
    model = logged(folder, Described(), signature=signature("double"))
    read = stored(pd.DataFrame({"double": pd.array([1, None, 3, 4], "Int64")}), data)
    assert read.frame["double"].dtype == "float64"

    agree(
        scored("mlflow", folder, inputs=columns(double="long?"), data=read.data, row_group_size=2),
        directly(model, read.frame),
    )


def test_columns_are_taken_by_name_in_any_order_and_optional_ones_may_lack(folder):
    specs = [ColSpec("double", "b"), ColSpec("string", "a", required=False), ColSpec("double", "c", required=False)]
    model = logged(folder, Described(), signature=ModelSignature(Schema(specs)))
    frame = pd.DataFrame({"a": ["x", "y"], "more": [0, 0], "b": [1.5, 2.5]})

    result = scored(
        "mlflow", folder, inputs=columns(more="long", a="string", b="double"), data=stored(frame, "parquet").data
    )

    agree(result, directly(model, frame[["a", "b"]]))


FITS = {("integer", "long"), ("integer", "double"), ("float", "double")} | {(kind, kind) for kind in TYPES}
PAIRS = [(ours, theirs) for ours in TYPES for theirs in TYPES]


@pytest.mark.parametrize(("ours", "theirs"), sampled(PAIRS, 7, ids=["-".join(pair) for pair in PAIRS]))
def test_a_type_that_mlflow_would_not_take_is_refused_when_it_is_loaded(folder, ours, theirs):
    model = logged(folder, Described(), signature=ModelSignature(Schema([ColSpec(theirs, "x")])))
    frame = FRAME[[ours]].rename(columns={ours: "x"})

    result = scored("mlflow", folder, inputs=columns(x=ours), data=stored(frame, "parquet").data)

    if (ours, theirs) in FITS:
        agree(result, directly(model, frame))
    else:
        refused(
            result, "signature-mismatch", f"x is {theirs} in MLflow's signature and {ours} in ours: declare it {theirs}"
        )


@pytest.mark.parametrize("theirs", ["integer", "long", "float", "string"])
@pytest.mark.parametrize("ours", ["integer?", "long?"])
def test_whole_numbers_that_may_be_missing_fit_a_double_alone(folder, ours, theirs):
    logged(folder, Described(), signature=ModelSignature(Schema([ColSpec(theirs, "x", required=False)])))

    result = scored("mlflow", folder, inputs=columns(x=ours), data=stored(pd.DataFrame({"x": [1, 2]}), "parquet").data)

    refused(
        result,
        "signature-mismatch",
        "no whole number may be missing.*: declare it required, or log the model with double",
    )


TENSORS = [
    ("float64", "double"),
    ("float64", "float"),
    ("float64", "integer"),
    ("float32", "float"),
    ("int64", "long"),
    ("int64", "integer"),
    ("int32", "integer"),
    ("bool", "boolean"),
    ("float64", "double?"),
]


@pytest.mark.parametrize(("dtype", "ours"), sampled(TENSORS, 2, ids=[" ".join(each) for each in TENSORS]))
@pytest.mark.parametrize("shape", [(-1, 2), (-1, -1)])
def test_a_matrix_is_made_of_the_columns_in_its_type(folder, dtype, ours, shape):
    model = logged(folder, Total(), signature=ModelSignature(Schema([TensorSpec(np.dtype(dtype), shape)])))
    kind = ours.rstrip("?")
    frame = pd.DataFrame({"b": FRAME[kind], "a": FRAME[kind].to_numpy()[::-1]})
    frame = frame.where(RANDOM.random(frame.shape) < 0.8) if "?" in ours else frame

    result = scored(
        "mlflow", folder, inputs=columns(b=ours, a=ours), data=stored(frame, "parquet").data, row_group_size=ROWS - 1
    )

    agree(result, directly(model, frame.to_numpy().astype(dtype)), tolerance=1e-12)


@pytest.mark.parametrize("shape", [(-1,), (-1, 1)])
def test_tensors_with_names_are_a_column_each(folder, shape):
    specs = [TensorSpec(np.dtype("float64"), shape, "b"), TensorSpec(np.dtype("int64"), shape, "a")]
    model = logged(folder, Total(), signature=ModelSignature(Schema(specs)))
    frame = pd.DataFrame({"a": FRAME["integer"].astype("int64"), "b": FRAME["double"]})

    result = scored("mlflow", folder, inputs=columns(a="long", b="double"), data=stored(frame, "parquet").data)

    agree(result, directly(model, {name: frame[name].to_numpy().reshape(shape) for name in "ba"}), tolerance=1e-12)


@pytest.mark.parametrize(
    ("spec", "inputs", "code", "reason"),
    [
        (
            TensorSpec(np.dtype("float32"), (-1, 2)),
            {"a": "double", "b": "double"},
            "signature-mismatch",
            "tensor of float32, and a is double in ours",
        ),
        (TensorSpec(np.dtype("int64"), (-1, 1)), {"a": "double"}, "signature-mismatch", "values would not be kept"),
        (TensorSpec(np.dtype("float64"), (-1, 1)), {"a": "long"}, "signature-mismatch", "declare another type"),
        (TensorSpec(np.dtype("int64"), (-1, 1)), {"a": "long?"}, "signature-mismatch", r"long \(not required\)"),
        (TensorSpec(np.dtype("float64"), (-1, 1)), {"a": "string"}, "signature-mismatch", "a is string in ours"),
        (
            TensorSpec(np.dtype("float64"), (-1, 2)),
            {"a": "double"},
            "signature-mismatch",
            "requires 2 and the signature has 1",
        ),
        (TensorSpec(np.dtype("float64"), (-1,)), {"a": "double", "b": "double"}, "signature-mismatch", "requires 1"),
        (
            TensorSpec(np.dtype("float64"), (-1, 28, 28)),
            {"a": "double"},
            "model-unsupported",
            r"tensor of shape \(-1, 28, 28\)",
        ),
        (
            TensorSpec(np.dtype("float64"), (-1, 3), "x"),
            {"x": "double"},
            "model-unsupported",
            "the input x is a tensor of shape",
        ),
        (
            ColSpec(Array(DataType.double), "x"),
            {"x": "double"},
            "model-unsupported",
            "input x of MLflow's signature is of type Array",
        ),
        (ColSpec(Object([Property("a", DataType.long)]), "x"), {"x": "long"}, "model-unsupported", "is of type Object"),
        (ColSpec(Map(DataType.long), "x"), {"x": "long"}, "model-unsupported", "is of type Map"),
        (ColSpec(AnyType(), "x", required=False), {"x": "long"}, "model-unsupported", "is of type AnyType"),
        (ColSpec(Array(DataType.double)), {"x": "double"}, "model-unsupported", "input #1 of MLflow's signature"),
        (ColSpec("double", "x"), {"y": "double"}, "signature-mismatch", "requires x, which the signature doesn't have"),
        (ColSpec("double"), {"x": "double", "y": "double"}, "signature-mismatch", "requires 1 and the signature has 2"),
    ],
)
def test_what_columns_cannot_fill_is_refused_when_it_is_loaded(folder, spec, inputs, code, reason):
    logged(folder, Total(), signature=ModelSignature(Schema([spec])))

    refused(scored("mlflow", folder, inputs=columns(**inputs), data=some_rows(**inputs)), code, reason)


class Scaled(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return model_input["double"] * params["by"] + sum(params["plus"])


PARAMS = ParamSchema([ParamSpec("by", "double", 2.0), ParamSpec("plus", "long", [1], (-1,))])


@pytest.mark.parametrize("params", [{}, {"by": 3.0}, {"by": 3}, {"plus": [4, 5], "by": 1.5}])
def test_parameters_are_handed_on(folder, params):
    model = logged(folder, Scaled(), signature=ModelSignature(Schema([ColSpec("double", "double")]), params=PARAMS))

    result = scored(
        "mlflow", folder, inputs=columns(double="double"), data=stored(FRAME[["double"]], "csv").data, params=params
    )

    agree(result, directly(model, FRAME[["double"]], params=params), tolerance=1e-12)


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"z": 1}, "has no parameters z"),
        ({"by": "much"}, r"not of the types .*by: double, plus: long"),
        ({"plus": 1}, "not of the types"),
    ],
)
def test_parameters_that_mlflow_would_ignore_or_refuse_are_refused_when_it_is_loaded(folder, params, reason):
    logged(folder, Scaled(), signature=ModelSignature(Schema([ColSpec("double", "double")]), params=PARAMS))

    result = scored(
        "mlflow", folder, inputs=columns(double="double"), data=stored(FRAME[["double"]], "csv").data, params=params
    )

    refused(result, "signature-mismatch", reason)
