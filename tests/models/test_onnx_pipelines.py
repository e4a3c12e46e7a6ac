"""ONNX: pipelines as people convert them, with numbers and texts, and what is missing in them."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, Int64TensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from tests.models.harness import agree, columns, scored
from tests.models.onnx_graphs import saved

RANDOM = np.random.default_rng(3)
ROWS = 300
FRAME = pd.DataFrame(
    {
        "age": RANDOM.integers(18, 80, ROWS),
        "fare": RANDOM.normal(30, 9, ROWS),
        "size": RANDOM.integers(1, 6, ROWS),
        "city": RANDOM.choice(["Lyon", "Nice", "Brest"], ROWS),
        "class": RANDOM.choice(["first", "second"], ROWS),
    }
)
CHOICE = np.where(FRAME["city"] == "Nice", "yes", np.where(FRAME["age"] > 50, "no", "may be"))
AMOUNT = (FRAME["age"] * 2 + FRAME["size"]).to_numpy()


def score(tmp_path, graph, frame, inputs, **outputs):
    data = pa.Table.from_pandas(frame, preserve_index=False)
    return scored("onnx", saved(tmp_path, graph), inputs=inputs, outputs=columns(**outputs), data=data)


def whole_numbers():
    model = LinearRegression().fit(FRAME[["age", "size"]], AMOUNT)
    return model, convert_sklearn(model, initial_types=[("X", Int64TensorType([None, 2]))])


def test_missing_whole_numbers_are_refused_and_a_required_column_rejects_their_rows(tmp_path):
    model, graph = whole_numbers()
    holes = FRAME.astype({"age": "Int64"})
    holes.loc[5:9, "age"] = pd.NA

    refused = score(tmp_path, graph, holes, columns(age="long?", size="long")).refused
    result = score(tmp_path, graph, holes, columns(age="long", size="long"))

    assert refused is not None
    assert (
        "age is of type long, may be missing, and the graph's input X takes int64: declare age as required"
        in refused.message
    )
    assert sorted(result.rejected) == [5, 6, 7, 8, 9]
    agree(result, model.predict(FRAME[["age", "size"]]), tolerance=1e-5)


def test_fractions_are_refused_and_a_whole_column_rejects_their_rows(tmp_path):
    model, graph = whole_numbers()
    halves = FRAME.assign(age=FRAME["age"] + np.where(FRAME.index % 3, 0, 0.9))

    refused = score(tmp_path, graph, halves, columns(age="double", size="long")).refused
    result = score(tmp_path, graph, halves, columns(age="long", size="long"))

    assert refused is not None
    assert "age is of type double, and the graph's input X takes int64: declare age as long, or" in refused.message
    assert sorted(result.rejected) == list(range(0, ROWS, 3))
    agree(result, model.predict(FRAME[["age", "size"]]), tolerance=1e-5)


@pytest.mark.parametrize("zipmap", [True, False, "columns"])
@pytest.mark.parametrize("order", [["age", "city"], ["city", "age"], ["class", "city", "fare", "age"]])
def test_texts_and_numbers_by_name_give_the_classes_by_name(tmp_path, zipmap, order):
    encoder = ColumnTransformer([("c", OneHotEncoder(handle_unknown="ignore"), ["city"])], remainder=StandardScaler())
    model = make_pipeline(encoder, LogisticRegression()).fit(FRAME[["age", "city"]], CHOICE)
    types = [("age", FloatTensorType([None, 1])), ("city", StringTensorType([None, 1]))]
    graph = convert_sklearn(model, initial_types=types, options={id(model): {"zipmap": zipmap}})
    kinds = {"age": "long", "city": "string", "class": "string", "fare": "double"}

    result = score(
        tmp_path, graph, FRAME, columns(**{name: kinds[name] for name in order}),
        prediction="string", **{"probability_may be": "double", "probability_yes": "double"},
    )  # fmt: skip

    probabilities = model.predict_proba(FRAME[["age", "city"]])
    agree(result, model.predict(FRAME[["age", "city"]]), output="prediction")
    for name in ("may be", "yes"):
        place = list(model.classes_).index(name)
        np.testing.assert_allclose(result[f"probability_{name}"], probabilities[:, place], atol=1e-4)


def test_matrices_of_numbers_and_of_texts_take_the_columns_one_after_another(tmp_path):
    encoder = ColumnTransformer([("n", StandardScaler(), [0, 1, 2]), ("c", OneHotEncoder(), [3, 4])])
    model = make_pipeline(encoder, Ridge()).fit(FRAME.to_numpy(), AMOUNT)
    types = [("numbers", FloatTensorType([None, 3])), ("texts", StringTensorType([None, 2]))]
    graph = convert_sklearn(model, initial_types=types)
    kinds = {"age": "long", "fare": "double", "size": "long", "city": "string", "class": "string"}

    agree(score(tmp_path, graph, FRAME, columns(**kinds)), model.predict(FRAME.to_numpy()), tolerance=1e-4)
    refused = score(tmp_path, graph, FRAME, columns(**dict(reversed(kinds.items())))).refused
    assert refused is not None
    assert (
        "class is of type string, and the graph's input numbers takes float: declare class as double" in refused.message
    )


@pytest.mark.parametrize("kind", ["long?", "double?", "float?", "integer?"])
def test_missing_numbers_are_what_an_imputer_of_a_float_graph_knows(tmp_path, kind):
    holes = FRAME[["age", "size"]].astype("Float64").mask(RANDOM.random((ROWS, 2)) < 0.2)
    plain = holes.astype(float)
    model = make_pipeline(SimpleImputer(), LinearRegression()).fit(plain.to_numpy(), AMOUNT)
    graph = convert_sklearn(model, initial_types=[("X", FloatTensorType([None, 2]))])

    result = score(tmp_path, graph, holes, columns(age=kind, size=kind))

    agree(result, model.predict(plain.to_numpy()), tolerance=1e-5)


def test_a_graph_in_double_precision_keeps_large_numbers_apart(tmp_path):
    big = pd.DataFrame({"big": 16_777_216.0 + np.arange(ROWS) * 0.25})
    model = LinearRegression().fit(big.to_numpy(), np.arange(ROWS) * 0.25)
    graph = convert_sklearn(model, initial_types=[("X", DoubleTensorType([None, 1]))])

    result = score(tmp_path, graph, big, columns(big="double"), prediction="double")

    np.testing.assert_allclose(result["prediction"], model.predict(big.to_numpy()), atol=1e-6)


def test_missing_texts_are_refused_and_a_required_column_rejects_their_rows(tmp_path):
    model = make_pipeline(OrdinalEncoder(), Ridge()).fit(FRAME[["city"]].to_numpy(), AMOUNT)
    graph = convert_sklearn(model, initial_types=[("city", StringTensorType([None, 1]))])
    holes = pd.DataFrame({"city": FRAME["city"].where(FRAME.index % 5 > 0, None)})

    refused = score(tmp_path, graph, holes, columns(city="string?")).refused
    result = score(tmp_path, graph, holes, columns(city="string"))

    assert refused is not None
    assert (
        "city is of type string, may be missing, and the graph's input city takes string: declare city as"
        in refused.message
    )
    assert sorted(result.rejected) == list(range(0, ROWS, 5))
    agree(result, model.predict(FRAME[["city"]].to_numpy()), tolerance=1e-4)


@pytest.mark.parametrize("shape", [[None, 1], [None]])
def test_texts_become_words_where_the_locale_is_there(tmp_path, shape):
    texts = pd.DataFrame({"text": [" ".join(RANDOM.choice(["Red", "blue", "GREEN"], 4)) for _ in range(ROWS)]})
    model = make_pipeline(TfidfVectorizer(), Ridge()).fit(texts["text"], AMOUNT)
    types, word = [("text", StringTensorType(shape))], id(model.steps[0][1])
    plain = convert_sklearn(model, initial_types=types)
    named = convert_sklearn(model, initial_types=types, options={word: {"locale": "C.UTF-8"}})

    agree(score(tmp_path, named, texts, columns(text="string")), model.predict(texts["text"]), tolerance=1e-4)
    result = score(tmp_path, plain, texts, columns(text="string"))
    if result.refused:
        assert "use skl2onnx's option locale: C.UTF-8" in result.refused.message
    else:
        agree(result, model.predict(texts["text"]), tolerance=1e-4)


def test_several_labels_are_several_outputs_and_their_probabilities_are_refused(tmp_path):
    both = np.column_stack([AMOUNT > 90, FRAME["fare"] > 30]).astype(int)
    rows = FRAME[["age", "fare"]]
    model = MultiOutputClassifier(RandomForestClassifier(10, random_state=0)).fit(rows.to_numpy(), both)
    graph = convert_sklearn(model, initial_types=[("X", FloatTensorType([None, 2]))])
    inputs = columns(age="double", fare="double")

    result = score(tmp_path, graph, FRAME, inputs, large="long", dear="long")

    for place, output in enumerate(["large", "dear"]):
        assert (result[output] == model.predict(rows.to_numpy())[:, place]).mean() > 0.98
    refused = score(tmp_path, graph, FRAME, inputs, large="long", probability_1="double").refused
    assert refused is not None
    assert "name the signature's outputs after the graph's" in refused.message


def test_a_csv_is_scored_like_a_table(tmp_path):
    model, graph = whole_numbers()
    raw = FRAME.to_csv(index=False).encode()

    result = scored("onnx", saved(tmp_path, graph), inputs=columns(age="long", size="long"), data=raw)

    agree(result, model.predict(FRAME[["age", "size"]]), tolerance=1e-5)
