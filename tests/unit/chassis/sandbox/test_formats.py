"""Each format against its own library, row by row, and what it says of a model that doesn't fit its signature."""

import zipfile
from pathlib import Path

import joblib
import lightgbm
import mlflow
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import skops.io
import xgboost
from mlflow.models import infer_signature
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression

from chassis.sandbox.child import formats
from chassis.sandbox.child.conversion import Column
from chassis.sandbox.child.formats import ModelUnsupported, SignatureMismatch, Source
from chassis.sandbox.child.outputs import to_table

RANDOM = np.random.default_rng(5)
NAMES = ["price", "stock", "week", "promo share"]
ROWS = pd.DataFrame(RANDOM.normal(size=(400, 4)), columns=NAMES)
TARGET = 3 * ROWS["price"] - ROWS["week"] ** 2
LABELS = (ROWS["price"] > 0.3).astype(int) + (ROWS["stock"] > 0.5).astype(int)
INPUTS = tuple(Column(name, "double") for name in NAMES)


def columns(*, reverse=False):
    names = NAMES[::-1] if reverse else NAMES
    return [pa.array(ROWS[name]) for name in names]


def score(name, path, *, inputs=INPUTS, outputs=(), reverse=False, **fields):
    """Predictions as a table, with the signature's columns in another order than the model's if `reverse`."""
    ours = tuple(inputs[::-1]) if reverse else tuple(inputs)
    given = tuple(Column(each, kind) for each, kind in outputs)
    source = Source(path, fields.pop("entrypoint", None), ours, given, fields)
    chosen = formats.find(name)
    assert chosen.inspect(source).what
    return to_table(chosen.load(source).predict(columns(reverse=reverse), len(ROWS)), given, len(ROWS))


@pytest.fixture
def artifact(tmp_path):
    return tmp_path / "artifact"


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("suffix", [".json", ".ubj"])
def test_xgboost_regresses_as_when_called_directly(artifact, tmp_path, suffix, reverse):
    estimator = xgboost.XGBRegressor(n_estimators=20).fit(ROWS, TARGET)
    estimator.save_model(tmp_path / f"m{suffix}")
    (tmp_path / f"m{suffix}").rename(artifact)

    given = score("xgboost", artifact, reverse=reverse)

    np.testing.assert_allclose(given["prediction"], estimator.predict(ROWS), rtol=1e-6)


def test_xgboost_stops_at_the_best_iteration(artifact, tmp_path):
    estimator = xgboost.XGBRegressor(n_estimators=200, early_stopping_rounds=2, learning_rate=1.0)
    estimator.fit(ROWS[:200], TARGET[:200], eval_set=[(ROWS[200:], TARGET[200:])], verbose=False)
    assert estimator.best_iteration + 1 < 200
    estimator.save_model(tmp_path / "m.ubj")
    (tmp_path / "m.ubj").rename(artifact)

    np.testing.assert_allclose(score("xgboost", artifact)["prediction"], estimator.predict(ROWS), rtol=1e-6)


@pytest.mark.parametrize("labels", [LABELS, LABELS > 0])
def test_xgboost_gives_classes_and_on_request_probabilities(artifact, tmp_path, labels):
    estimator = xgboost.XGBClassifier(n_estimators=10).fit(ROWS, labels)
    estimator.save_model(tmp_path / "m.json")
    (tmp_path / "m.json").rename(artifact)

    given = score("xgboost", artifact, outputs=[("prediction", "long"), ("probability_1", "double")])

    assert given["prediction"].to_pylist() == estimator.predict(ROWS).tolist()
    np.testing.assert_allclose(given["probability_1"], estimator.predict_proba(ROWS)[:, 1], rtol=1e-5)


@pytest.mark.parametrize("reverse", [False, True])
def test_lightgbm_regresses_as_when_called_directly(artifact, reverse):
    estimator = lightgbm.LGBMRegressor(n_estimators=20, verbose=-1).fit(ROWS, TARGET)
    estimator.booster_.save_model(artifact)

    given = score("lightgbm", artifact, reverse=reverse)

    np.testing.assert_allclose(given["prediction"], estimator.predict(ROWS), rtol=1e-12)


@pytest.mark.parametrize("labels", [LABELS, LABELS > 0])
def test_lightgbm_gives_classes_and_on_request_probabilities(artifact, labels):
    estimator = lightgbm.LGBMClassifier(n_estimators=10, verbose=-1).fit(ROWS, labels)
    estimator.booster_.save_model(artifact)

    given = score("lightgbm", artifact, outputs=[("class", "long"), ("probability_1", "double")])

    assert given["class"].to_pylist() == estimator.predict(ROWS).astype(int).tolist()
    np.testing.assert_allclose(given["probability_1"], estimator.predict_proba(ROWS)[:, 1], rtol=1e-9)


def test_lightgbm_knows_categories_by_their_texts(artifact):
    frame = pd.DataFrame({"store": RANDOM.choice(["north", "south", "east"], 400), "week": ROWS["week"]})
    trained = frame.astype({"store": "category"})
    estimator = lightgbm.LGBMRegressor(n_estimators=20, verbose=-1).fit(trained, TARGET)
    estimator.booster_.save_model(artifact)
    source = Source(artifact, None, (Column("store", "string"), Column("week", "double")))

    given = formats.find("lightgbm").load(source).predict([pa.array(frame["store"]), pa.array(frame["week"])], 400)

    np.testing.assert_allclose(given, estimator.predict(trained), rtol=1e-12)


def test_a_missing_value_is_missing_to_a_boosted_model(artifact, tmp_path):
    holes = ROWS.mask(RANDOM.random(ROWS.shape) < 0.3)
    estimator = xgboost.XGBRegressor(n_estimators=20).fit(holes, TARGET)
    estimator.save_model(tmp_path / "m.ubj")
    (tmp_path / "m.ubj").rename(artifact)
    inputs = tuple(Column(name, "double", required=False) for name in NAMES)
    arrays = [pa.array(holes[name], from_pandas=True) for name in NAMES]

    given = formats.find("xgboost").load(Source(artifact, None, inputs)).predict(arrays, len(holes))

    assert arrays[0].null_count
    np.testing.assert_allclose(given, estimator.predict(holes), rtol=1e-6)


@pytest.mark.parametrize("save", [joblib.dump, skops.io.dump, lambda model, path: joblib.dump(model, path, compress=3)])
@pytest.mark.parametrize("estimator", [LinearRegression(), HistGradientBoostingRegressor(max_iter=20)])
def test_sklearn_files_of_every_kind_score_as_when_called_directly(artifact, save, estimator):
    save(estimator.fit(ROWS, TARGET), artifact)

    given = score("sklearn", artifact, reverse=True)

    np.testing.assert_allclose(given["prediction"], estimator.predict(ROWS), rtol=1e-12)


@pytest.mark.parametrize(
    "estimator", [LogisticRegression(), RandomForestClassifier(20), HistGradientBoostingClassifier(max_iter=10)]
)
@pytest.mark.parametrize("labels", [LABELS, LABELS.map({0: "low", 1: "mid", 2: "high"}), LABELS.astype(float)])
def test_sklearn_classifiers_give_the_probabilities_that_are_asked_for(artifact, estimator, labels):
    joblib.dump(estimator.fit(ROWS, labels), artifact)
    kind = "string" if labels.dtype == object else "double"
    second = str(estimator.classes_[1]).removesuffix(".0")

    given = score("sklearn", artifact, outputs=[("prediction", kind), (f"probability_{second}", "double")])

    assert given["prediction"].to_pylist() == estimator.predict(ROWS).tolist()
    np.testing.assert_allclose(given[f"probability_{second}"], estimator.predict_proba(ROWS)[:, 1])


def test_a_probability_of_no_class_is_refused_with_the_classes_there_are(artifact):
    joblib.dump(LogisticRegression().fit(ROWS, LABELS), artifact)

    with pytest.raises(SignatureMismatch, match="probability_0, probability_1, probability_2"):
        score("sklearn", artifact, outputs=[("probability", "double")])


def test_several_targets_are_several_outputs(artifact):
    both = np.column_stack([TARGET, -TARGET])
    estimator = LinearRegression().fit(ROWS, both)
    joblib.dump(estimator, artifact)

    given = score("sklearn", artifact, outputs=[("sales", "double"), ("returns", "float")])

    np.testing.assert_allclose(given["sales"], estimator.predict(ROWS)[:, 0])
    np.testing.assert_allclose(given["returns"], estimator.predict(ROWS)[:, 1], rtol=1e-6)


def test_a_skops_file_with_foreign_types_is_refused(artifact):
    skops.io.dump({"path": Path("x")}, artifact)

    with pytest.raises(ModelUnsupported, match="not trusted here: pathlib"):
        score("sklearn", artifact)


@pytest.fixture
def logged(tmp_path):
    estimator = HistGradientBoostingRegressor(max_iter=20).fit(ROWS, TARGET)
    folder = tmp_path / "logged"
    signature = infer_signature(ROWS, estimator.predict(ROWS))
    mlflow.sklearn.save_model(
        estimator, folder, signature=signature, serialization_format="cloudpickle", pip_requirements=["scikit-learn"]
    )
    return estimator, folder


@pytest.mark.parametrize("pack", [None, "zip", "gztar"])
def test_an_mlflow_model_scores_by_its_pyfunc_from_a_folder_and_from_archives(logged, tmp_path, pack):
    import shutil

    estimator, folder = logged
    path = folder if pack is None else Path(shutil.make_archive(str(tmp_path / "packed"), pack, tmp_path, "logged"))

    given = score("mlflow", path, reverse=True)

    np.testing.assert_allclose(given["prediction"], estimator.predict(ROWS), rtol=1e-12)


def test_mlflow_inspects_without_loading(logged):
    _, folder = logged
    (folder / "model.pkl").write_bytes(b"not a pickle")

    found = formats.find("mlflow").inspect(Source(folder, None, INPUTS))

    assert found.inputs == tuple(NAMES)
    assert "sklearn" in found.packages


PANDAS = """
import json
from pathlib import Path
from scaling import scaled

def load(path):
    return json.loads((Path(path) / "weights.json").read_text())

def predict(model, batch, factor=1):
    return scaled(batch["price"], model["price"] * factor) + batch["week"]
"""
ARROW = """
import pyarrow as pa
import pyarrow.compute as pc

def load(path):
    return 2.0

def predict(model, batch: pa.Table) -> pa.Table:
    assert isinstance(batch, pa.Table)
    return pa.table({"doubled": pc.multiply(batch["price"], model), "large": pc.greater(batch["price"], 0)})
"""


@pytest.mark.parametrize("packed", [False, True])
def test_a_module_gets_frames_parameters_and_its_neighbours(tmp_path, packed):
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "model.py").write_text(PANDAS)
    (folder / "scaling.py").write_text("def scaled(values, by):\n    return values * by\n")
    (folder / "weights.json").write_text('{"price": 2.5}')
    path = folder
    if packed:
        path = tmp_path / "artifact"
        with zipfile.ZipFile(path, "w") as archive:
            for each in folder.iterdir():
                archive.write(each, each.name)

    given = score("python", path, factor=3)

    np.testing.assert_allclose(given["prediction"], ROWS["price"] * 7.5 + ROWS["week"])


def test_a_module_may_take_and_give_arrow(artifact):
    artifact.write_text(ARROW)

    given = score("python", artifact, outputs=[("doubled", "double"), ("large", "boolean")])

    np.testing.assert_allclose(given["doubled"], ROWS["price"] * 2)
    assert given["large"].to_pylist() == (ROWS["price"] > 0).tolist()


def test_a_module_without_the_functions_is_told_which(artifact):
    artifact.write_text("def load(path): ...")

    with pytest.raises(ModelUnsupported, match="has no function predict"):
        score("python", artifact)


@pytest.mark.parametrize("name", ["xgboost", "lightgbm", "sklearn"])
def test_a_model_names_the_inputs_that_its_signature_lacks(artifact, tmp_path, name):
    if name == "xgboost":
        xgboost.XGBRegressor(n_estimators=2).fit(ROWS, TARGET).save_model(tmp_path / "m.ubj")
        (tmp_path / "m.ubj").rename(artifact)
    elif name == "lightgbm":
        lightgbm.LGBMRegressor(n_estimators=2, verbose=-1).fit(ROWS, TARGET).booster_.save_model(artifact)
    else:
        joblib.dump(LinearRegression().fit(ROWS, TARGET), artifact)

    with pytest.raises(SignatureMismatch, match=r"requires promo.share, which the signature doesn't have"):
        formats.find(name).load(Source(artifact, None, INPUTS[:3]))


def test_a_model_fitted_without_names_must_have_as_many_inputs_as_the_signature(artifact):
    joblib.dump(LinearRegression().fit(ROWS.to_numpy(), TARGET), artifact)

    with pytest.raises(SignatureMismatch, match="requires 4 and the signature has 3"):
        formats.find("sklearn").load(Source(artifact, None, INPUTS[:3]))
