"""Files of scikit-learn's estimators: every way to write one, and what is no model that predicts here."""

import bz2
import gzip
import lzma
import pickle
import re
import warnings
import zipfile

import cloudpickle
import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn.base
import skops.io
from sklearn import cluster
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils import all_estimators

from chassis.sandbox.child.formats import Source, find
from tests.models.harness import agree, columns, scored
from tests.models.sklearn_estimators import MORE, NUMBERS, fitted, inputs, names
from tests.models.stored_tables import refused, sampled, stored

FRAME = NUMBERS[["price", "week"]]
DATA = stored(FRAME, "parquet").data
INPUTS = columns(week="double", price="double")
VALUE = FRAME["price"] * 3 + FRAME["week"]
FOREST = RandomForestRegressor(20, random_state=0).fit(FRAME, VALUE)
PIPELINE = make_pipeline(StandardScaler(), HistGradientBoostingRegressor(max_iter=20)).fit(FRAME, VALUE)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model"


def pickled(protocol):
    return lambda model, path: path.write_bytes(pickle.dumps(model, protocol))


def packed(pack):
    return lambda model, path: path.write_bytes(pack(pickle.dumps(model)))


def compressed(**how):
    return lambda model, path: joblib.dump(model, path, **how)


WAYS = {f"protocol {each}": pickled(each) for each in range(2, 6)}
WAYS |= {
    f"joblib {how} {level}": compressed(compress=(how, level))
    for how in ("zlib", "gzip", "bz2", "lzma", "xz")
    for level in (1, 6)
}
WAYS |= {f"joblib protocol {each}": compressed(protocol=each) for each in range(2, 6)}
WAYS |= {
    "joblib compressed": compressed(compress=True),
    "cloudpickle": lambda model, path: path.write_bytes(cloudpickle.dumps(model)),
}
WAYS |= {"gzip": packed(gzip.compress), "bz2": packed(bz2.compress), "xz": packed(lzma.compress)}
WAYS |= {
    "skops": skops.io.dump,
    "skops deflated": lambda model, path: skops.io.dump(model, path, compression=zipfile.ZIP_DEFLATED),
}


@pytest.mark.parametrize("way", sampled(list(WAYS), 4))
@pytest.mark.parametrize("model", [FOREST, PIPELINE])
def test_a_file_of_every_kind_is_read(path, way, model):
    WAYS[way](model, path)

    agree(scored("sklearn", path, inputs=INPUTS, data=DATA), model.predict(FRAME), tolerance=1e-12)


@pytest.mark.parametrize("name", sampled([name for name in names() if name != "Birch"], 12))
def test_skops_holds_an_estimator_or_says_what_is_not_trusted(path, name):
    frame = inputs(name)
    model = fitted(name, frame, to=pd.DataFrame)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        skops.io.dump(model, path)
        predicted = np.asarray(model.predict(frame))
        given = columns(**{each: "long" if frame[each].dtype.kind == "i" else "double" for each in frame.columns})
        several = predicted.ndim == 2 and predicted.shape[1] > 1
        outputs = columns(a="double", b="double") if several else ()
        result = scored("sklearn", path, inputs=given, outputs=outputs, data=stored(frame, "parquet").data)
    if several:
        agree(result, predicted[:, 1], output="b", tolerance=1e-9)
    else:
        agree(result, predicted.ravel(), tolerance=1e-9)


def outside(frame):
    return frame * 2


def test_a_skops_file_with_a_function_of_one_s_own_is_refused(path):
    skops.io.dump(make_pipeline(FunctionTransformer(outside), Ridge()).fit(FRAME, VALUE), path)

    refused(
        scored("sklearn", path, inputs=INPUTS, data=DATA),
        "model-unsupported",
        "not trusted here: .*outside.* save the model with joblib",
    )


def _without_predict():
    kinds = {"clusterer": "fit_predict", "transformer": "transform"}
    return [
        (name, kind)
        for name, cls in all_estimators()
        for kind, method in kinds.items()
        if not hasattr(cls, "predict") and hasattr(cls, method)
    ]


@pytest.mark.parametrize(
    ("name", "kind"),
    sampled(
        [
            each
            for each in _without_predict()
            if each[0] not in {"FeatureUnion", "ColumnTransformer", "SparseCoder", "FrozenEstimator"}
        ],
        10,
    ),
)
def test_what_does_not_predict_is_refused_with_what_to_do(path, name, kind):
    cls = dict(all_estimators())[name]
    try:
        made = cls()
    except TypeError:
        made = cls(LinearRegression())
    joblib.dump(made, path)

    refused(
        scored("sklearn", path, inputs=INPUTS, data=DATA),
        "model-unsupported",
        f"{name} has no method predict: it only (knows the rows|transforms)",
    )


@pytest.mark.parametrize(
    ("held", "reason"),
    [
        (cluster.DBSCAN().fit(FRAME), "DBSCAN has no method predict: .* KMeans"),
        (
            make_pipeline(StandardScaler(), cluster.AgglomerativeClustering()).fit(FRAME),
            "AgglomerativeClustering has no method predict",
        ),
        (make_pipeline(StandardScaler()).fit(FRAME), "save the whole pipeline"),
        ({"model": LinearRegression()}, "object of type dict and no fitted estimator"),
        (np.zeros(3), "object of type ndarray"),
        ([LinearRegression()], "object of type list"),
    ],
)
def test_what_is_no_estimator_that_predicts_is_refused(path, held, reason):
    joblib.dump(held, path)

    refused(scored("sklearn", path, inputs=INPUTS, data=DATA), "model-unsupported", reason)


OLD = {"joblib": compressed(), "packed": compressed(compress=3), "pickle": pickled(4), "skops": skops.io.dump}


@pytest.fixture
def saved_by(monkeypatch, path):
    def inner(version, model, way):
        with monkeypatch.context() as patch:
            patch.setattr(sklearn.base, "__version__", version)
            OLD[way](model, path)
        return path

    return inner


@pytest.mark.parametrize("way", OLD)
@pytest.mark.parametrize("version", ["0.24.2", "1.8.0", "1.10.dev0", "2.0.0"])
def test_an_estimator_of_another_scikit_learn_is_refused_with_both_versions(saved_by, version, way):
    result = scored("sklearn", saved_by(version, PIPELINE, way), inputs=INPUTS, data=DATA)

    ours = re.escape(sklearn.__version__)
    refused(
        result,
        "model-unsupported",
        f"saved by scikit-learn {re.escape(version)} and would be read by {ours}.* fit and save it with 1.9",
    )


def test_an_estimator_of_the_same_minor_version_is_scored_and_the_log_says_so(saved_by, capfd):
    result = scored("sklearn", saved_by("1.9.99", PIPELINE, "joblib"), inputs=INPUTS, data=DATA)

    agree(result, PIPELINE.predict(FRAME))
    assert "saved by scikit-learn 1.9.99, and scored by" in capfd.readouterr().err


class Broken(LinearRegression):
    def __setstate__(self, state):
        raise ValueError("node array from the pickle has an incompatible dtype")


def test_a_file_of_another_version_that_cannot_be_read_is_told_from_a_broken_one(saved_by, path):
    for way in ("joblib", "packed", "pickle"):
        result = scored(
            "sklearn",
            saved_by("1.2.2", make_pipeline(LinearRegression(), Broken().fit(FRAME, VALUE)), way),
            inputs=INPUTS,
            data=DATA,
        )
        refused(result, "model-unsupported", "saved by scikit-learn 1.2.2")
    joblib.dump(Broken().fit(FRAME, VALUE), path)
    refused(
        scored("sklearn", path, inputs=INPUTS, data=DATA), "artifact-unreadable", "save it anew .*incompatible dtype"
    )


def test_a_class_that_the_file_only_names_is_named_and_no_path_is(path, monkeypatch):
    class Doubler(LinearRegression):
        pass

    Doubler.__module__, Doubler.__qualname__ = "__main__", "Doubler"
    monkeypatch.setattr(__import__("__main__"), "Doubler", Doubler, raising=False)
    joblib.dump(Doubler(), path)
    monkeypatch.undo()

    result = scored("sklearn", path, inputs=INPUTS, data=DATA)

    refused(
        result,
        "model-unsupported",
        "only names the class or function Doubler of .*__main__, which isn't here: save .* cloudpickle",
    )
    assert "/" not in result.refused.message


def test_a_class_that_cloudpickle_keeps_is_read(path):
    class Doubler(LinearRegression):
        def predict(self, X):  # noqa: N803
            return super().predict(X) * 2

    Doubler.__module__ = "__main__"
    model = Doubler().fit(FRAME, VALUE)
    path.write_bytes(cloudpickle.dumps(model))

    agree(scored("sklearn", path, inputs=INPUTS, data=DATA), model.predict(FRAME))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x80\x04",
        b"PK\x03\x04",
        b"no model",
        b"\x04\x22\x4d\x18rest",
        gzip.compress(b"x"),
        pickle.dumps(FOREST)[:900],
    ],
)
def test_bytes_that_are_no_file_of_these_end_as_unreadable_or_with_what_to_do(path, raw):
    path.write_bytes(raw)

    result = scored("sklearn", path, inputs=INPUTS, data=DATA)

    assert result.refused is not None
    assert "save" in result.refused.message or "use" in result.refused.message
    assert result.refused.code == ("model-unsupported" if raw.endswith(b"rest") else "artifact-unreadable")


def test_a_pickle_that_ends_like_a_zip_archive_is_a_pickle(path):
    model = LinearRegression().fit(FRAME, VALUE)
    model.appended_ = b"PK\x05\x06" + bytes(18)
    path.write_bytes(pickle.dumps(model))

    agree(scored("sklearn", path, inputs=INPUTS, data=DATA), model.predict(FRAME))


def test_a_file_in_a_folder_is_found_or_has_to_be_named(tmp_path):
    for name in ("one.pkl", "two.joblib", "notes.txt"):
        joblib.dump(PIPELINE, tmp_path / name)
    refused(
        scored("sklearn", tmp_path, inputs=INPUTS, data=DATA), "artifact-unreadable", "2 files .* name an entry point"
    )
    agree(scored("sklearn", tmp_path, inputs=INPUTS, data=DATA, entrypoint="two.joblib"), PIPELINE.predict(FRAME))
    assert find("sklearn").inspect(Source(tmp_path, "one.pkl", INPUTS)).packages


def test_more_estimators_in_skops(path):
    for model in (MORE["FrozenEstimator"](), MORE["Calibrated of a frozen one"]()):
        skops.io.dump(model, path)
        result = scored(
            "sklearn", path, inputs=columns(**dict.fromkeys(NUMBERS, "double")), data=stored(NUMBERS, "csv").data
        )
        agree(result, model.predict(NUMBERS))
