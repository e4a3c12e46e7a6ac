"""Every format on real Spark: data-only files in its worker, all that carries code in the sandboxed child."""

import io
import json
import uuid
import zipfile
from pathlib import Path

import lightgbm
import mlflow
import numpy as np
import pytest
import skops.io
import xgboost
from mlflow.models import infer_signature
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression

from schemas.signature import SignatureField
from services.executor.scoring.artifacts import digest
from services.executor.scoring.errors import ScoringError
from services.executor.scoring.job import ModelArtifact
from services.executor.scoring.warm_driver import WarmDriver
from tests.integration.executor.bench import Bench, features, frame, score, signature

TRAINING = features(500, seed=7)
ROWS = frame(TRAINING)
TARGET = ROWS["f0"] * 3 + np.sin(ROWS["f1"])
MODULE = """
import os

def load(path):
    with open(os.path.join(path, "factor.txt")) as file:
        return float(file.read())

def predict(model, batch):
    return batch["f0"] * model
"""


def tree(bench: Bench, folder: Path, **fields: object) -> ModelArtifact:
    """A folder laid down as the registry keeps it."""
    sha256 = digest(folder)
    for each in folder.rglob("*"):
        if each.is_file():
            bench.models.put(f"sha256/{sha256}/{each.relative_to(folder).as_posix()}", each.read_bytes())
    said = {"id": "demand", "version": 1, "signature": signature(), **fields}
    return ModelArtifact.model_validate({**said, "uri": f"s3://models/sha256/{sha256}/", "sha256": sha256})


def boosted_xgboost(bench: Bench, folder: Path) -> tuple[ModelArtifact, object]:
    estimator = xgboost.XGBRegressor(n_estimators=20).fit(ROWS, TARGET)
    estimator.save_model(folder / "model.ubj")
    return bench.model((folder / "model.ubj").read_bytes(), "model.ubj", format="xgboost"), estimator


def boosted_lightgbm(bench: Bench, folder: Path) -> tuple[ModelArtifact, object]:
    estimator = lightgbm.LGBMRegressor(n_estimators=20, verbose=-1).fit(ROWS, TARGET)
    estimator.booster_.save_model(folder / "model.txt")
    return bench.model((folder / "model.txt").read_bytes(), "model.txt", format="lightgbm"), estimator


def linear_skops(bench: Bench, folder: Path) -> tuple[ModelArtifact, object]:
    del folder
    estimator = LinearRegression().fit(ROWS, TARGET)
    return bench.model(skops.io.dumps(estimator), "model.skops", format="sklearn"), estimator


def logged_mlflow(bench: Bench, folder: Path) -> tuple[ModelArtifact, object]:
    estimator = HistGradientBoostingRegressor(max_iter=20).fit(ROWS, TARGET)
    mlflow.sklearn.save_model(
        estimator,
        folder / "logged",
        signature=infer_signature(ROWS, TARGET),
        serialization_format="cloudpickle",
        pip_requirements=["scikit-learn"],
    )
    return tree(bench, folder / "logged", format="mlflow"), estimator


@pytest.mark.parametrize("made", [boosted_xgboost, boosted_lightgbm, linear_skops, logged_mlflow])
async def test_a_model_of_every_format_scores_as_when_called_directly(
    bench: Bench, driver: WarmDriver, tmp_path: Path, made
) -> None:
    model, estimator = made(bench, tmp_path)
    table = features(5_500)

    rows = bench.read(await score(driver, bench.job(bench.parquet(table), model))).rows.sort_by("id")

    np.testing.assert_allclose(rows["prediction"], estimator.predict(frame(table)), rtol=1e-6)


async def test_a_module_scores_by_its_own_code(bench: Bench, driver: WarmDriver, tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(MODULE)
    (tmp_path / "factor.txt").write_text("2.5")
    table = features(1_000)

    outcome = await score(driver, bench.job(bench.parquet(table), tree(bench, tmp_path, format="python")))

    rows = bench.read(outcome).rows.sort_by("id")
    np.testing.assert_allclose(rows["prediction"], table["f0"].to_numpy() * 2.5)


async def test_a_classifier_gives_the_probabilities_that_its_signature_names(bench: Bench, driver: WarmDriver) -> None:
    classifier = LogisticRegression().fit(ROWS, np.where(TARGET > 0, "buys", "leaves"))
    outputs = [("prediction", "string"), ("probability_buys", "double")]
    fields = tuple(SignatureField(name=name, type=kind, required=True) for name, kind in outputs)
    table = features(300)

    model = bench.sklearn(classifier, signature=signature(outputs=fields))
    rows = bench.read(await score(driver, bench.job(bench.parquet(table), model))).rows

    assert rows["prediction"].to_pylist() == classifier.predict(frame(table)).tolist()
    np.testing.assert_allclose(rows["probability_buys"], classifier.predict_proba(frame(table))[:, 0])


async def test_a_model_that_needs_a_column_more_says_which(bench: Bench, driver: WarmDriver) -> None:
    model = bench.sklearn(LinearRegression().fit(ROWS, TARGET), signature=signature(names=("f0", "f1")))

    with pytest.raises(ScoringError, match="requires f2, f3, which the signature doesn't have") as caught:
        await score(driver, bench.job(bench.parquet(features(10)), model))

    assert (caught.value.code, caught.value.retryable) == ("signature-mismatch", False)


async def test_an_archive_that_leaves_its_folder_is_refused(bench: Bench, driver: WarmDriver) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("model.py", MODULE)
        archive.writestr("../../escaped.txt", uuid.uuid4().hex)

    with pytest.raises(ScoringError, match="leaves its folder") as caught:
        await score(
            driver,
            bench.job(bench.parquet(features(10)), bench.model(buffer.getvalue(), "model.zip", format="python")),
        )

    assert caught.value.code == "artifact-unreadable"


async def test_the_log_says_what_the_model_is(bench: Bench, driver: WarmDriver, tmp_path: Path) -> None:
    model, _ = boosted_xgboost(bench, tmp_path)

    outcome = await score(driver, bench.job(bench.parquet(features(10)), model))

    lines = [json.loads(line) for line in bench.fetch(outcome.log_uri).decode().splitlines()]
    [loaded] = [line for line in lines if line["event"] == "model_loaded"]
    assert (loaded["what"], loaded["inputs"]) == ("reg:squarederror", ["f0", "f1", "f2", "f3"])
