"""What a flavor's model gets of missing texts, texts and categories, and which outputs may be asked of it."""

import lightgbm
import mlflow
import numpy as np
import pandas as pd
import pytest
import xgboost
from mlflow.models import infer_signature
from sklearn.base import BaseEstimator
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from tests.models.harness import agree, columns, scored
from tests.models.mlflow_models import RANDOM, directly, logged
from tests.models.mlflow_prices import CLASS, FRAME, INPUTS, NOTES, ROWS, VALUE, booster_of
from tests.models.stored_tables import KINDS, refused, stored

CITY = pd.Series(RANDOM.choice(["Lyon", "Nice", "Brest"], ROWS)).where(RANDOM.random(ROWS) > 0.3, np.nan)
HOT = OneHotEncoder(handle_unknown="ignore")


@pytest.mark.parametrize("data", KINDS)
@pytest.mark.parametrize("signed", [True, False])
def test_a_missing_text_is_the_one_that_the_encoder_knows(folder, data, signed):
    frame = pd.DataFrame({"city": CITY, "price": FRAME["price"]})
    pipeline = make_pipeline(make_column_transformer((HOT, ["city"]), remainder="passthrough"), LinearRegression())
    value = CITY.map({"Lyon": 1.0, "Nice": 2.0, "Brest": 3.0}).fillna(100.0)
    signature = infer_signature(frame.assign(city=CITY.fillna(""))) if signed else None
    model = logged(folder, pipeline.fit(frame, value), mlflow.sklearn.save_model, signature=signature)

    result = scored("mlflow", folder, inputs=columns(price="double", city="string?"), data=stored(frame, data).data)

    agree(result, directly(model, frame), tolerance=1e-9)


@pytest.mark.parametrize("rows", [1, ROWS])
def test_texts_are_scored_one_by_one_or_refused_where_mlflow_hands_on_a_frame(folder, tmp_path, rows):
    pipeline = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(NOTES, CLASS)
    data = stored(pd.DataFrame({"note": NOTES[:rows]}), "parquet").data
    model = logged(folder, pipeline, mlflow.sklearn.save_model)
    agree(scored("mlflow", folder, inputs=columns(note="string"), data=data), directly(model, NOTES[:rows]))

    logged(
        tmp_path / "signed",
        pipeline,
        mlflow.sklearn.save_model,
        signature=infer_signature(pd.DataFrame({"note": NOTES})),
    )
    result = scored("mlflow", tmp_path / "signed", inputs=columns(note="string"), data=data)
    refused(
        result, "model-unsupported", "TfidfVectorizer was fitted with a sequence.* log the model without a signature"
    )


@pytest.mark.parametrize("save", [mlflow.sklearn.save_model, mlflow.lightgbm.save_model])
def test_probabilities_go_by_their_classes_names(folder, save):
    estimator = (
        lightgbm.LGBMClassifier(n_estimators=4, verbose=-1) if "lightgbm" in save.__module__ else LogisticRegression()
    ).fit(FRAME, CLASS)
    fields = {"pyfunc_predict_fn": "predict_proba"} if "sklearn" in save.__module__ else {}
    logged(folder, estimator, save, **fields)
    data = stored(FRAME, "parquet").data

    result = scored(
        "mlflow",
        folder,
        inputs=columns(**INPUTS),
        outputs=columns(probability_yes="double", probability_no="double"),
        data=data,
    )

    if not fields:
        refused(result, "signature-mismatch", "MLflow's predict gives the class: log the model with pyfunc_predict_fn")
        return
    agree(result, estimator.predict_proba(FRAME)[:, 2], output="probability_yes")
    agree(result, estimator.predict_proba(FRAME)[:, 0], output="probability_no")
    by_place = scored(
        "mlflow", folder, inputs=columns(**INPUTS), outputs=columns(a="double", b="double", c="double"), data=data
    )
    agree(by_place, estimator.predict_proba(FRAME)[:, 1], output="b")
    mixed = scored(
        "mlflow", folder, inputs=columns(**INPUTS), outputs=columns(c="string", probability_no="double"), data=data
    )
    refused(mixed, "signature-mismatch", "probabilities alone")


def test_several_outputs_are_taken_by_place(folder):
    model = logged(
        folder, MultiOutputRegressor(Ridge()).fit(FRAME, np.column_stack([VALUE, -VALUE])), mlflow.sklearn.save_model
    )

    result = scored(
        "mlflow",
        folder,
        inputs=columns(**INPUTS),
        outputs=columns(a="double", b="double"),
        data=stored(FRAME, "csv").data,
    )

    agree(result, directly(model, FRAME)[:, 1], output="b")


def test_labels_that_the_outputs_cannot_hold_are_refused_when_it_is_loaded(folder):
    logged(
        folder,
        RandomForestClassifier(3).fit(FRAME, CLASS),
        mlflow.sklearn.save_model,
        serialization_format="cloudpickle",
    )

    result = scored(
        "mlflow", folder, inputs=columns(**INPUTS), outputs=columns(prediction="long"), data=stored(FRAME, "csv").data
    )

    refused(result, "signature-mismatch", "its classes are no, so, yes")


GROUPS = FRAME.assign(store=RANDOM.choice([10, 20, 30], ROWS)).astype({"store": "category"})


@pytest.mark.parametrize("kind", ["xgboost", "lightgbm"])
def test_columns_of_type_category_are_handed_on_or_refused(folder, tmp_path, kind):
    made = (
        xgboost.XGBRegressor(n_estimators=5, enable_categorical=True)
        if kind == "xgboost"
        else lightgbm.LGBMRegressor(n_estimators=5, verbose=-1)
    )
    estimator = made.fit(GROUPS, VALUE + (GROUPS["store"] == 20))
    save = getattr(mlflow, kind).save_model
    data = stored(GROUPS.astype({"store": "int64"}), "csv").data
    inputs = columns(store="long", **INPUTS)
    logged(folder, estimator, save)
    agree(scored("mlflow", folder, inputs=inputs, data=data), estimator.predict(GROUPS))

    logged(tmp_path / "booster", booster_of(estimator), save)
    refused(
        scored("mlflow", tmp_path / "booster", inputs=inputs, data=data),
        "model-unsupported",
        f"register it in format {kind}, or log the estimator",
    )
    signature = infer_signature(GROUPS.astype({"store": "int64"}))
    logged(tmp_path / "signed", estimator, save, signature=signature)
    refused(
        scored("mlflow", tmp_path / "signed", inputs=inputs, data=data),
        "model-unsupported",
        "columns of type category, which MLflow's signature has not",
    )


class Sum(BaseEstimator):
    """Of which nobody can tell what it takes: it keeps nothing of what it was fitted with."""

    def fit(self, frame, values=None):
        return self

    def predict(self, frame):
        return frame["price"] + frame["week"]


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_a_batch_may_have_as_many_rows_as_columns(folder, rows):
    logged(folder, Sum().fit(FRAME), mlflow.sklearn.save_model, serialization_format="cloudpickle")
    data = stored(FRAME[["price", "week"]][:rows], "parquet").data

    result = scored("mlflow", folder, inputs=columns(price="double", week="double"), data=data)

    agree(result, FRAME["price"][:rows] + FRAME["week"][:rows])
