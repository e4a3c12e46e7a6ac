"""XGBoost's files: early stopping, names of every kind, older versions, and what can't be read."""

import json
import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xgboost

from chassis.sandbox.child.conversion import Column
from tests.models import boosted
from tests.models.boosted import CLASS, INPUTS, NAMES, ROWS, VALUE, agree_each, refused
from tests.models.harness import Result, scored

DATA = boosted.table(ROWS)
BOOSTERS = ("gbtree", "dart", "gblinear")


def stopped(make: Any, target: np.ndarray, **params: Any) -> Any:
    """Trained past its best iteration."""
    estimator = make(n_estimators=40, learning_rate=1.2, early_stopping_rounds=3, n_jobs=1, **params)
    estimator.fit(ROWS[:120], target[:120], eval_set=[(ROWS[120:], target[120:])], verbose=False)
    assert estimator.best_iteration + 1 < estimator.get_booster().num_boosted_rounds()
    return estimator


def score(raw: bytes | bytearray, tmp_path: Any, outputs: tuple[Column, ...] = VALUE) -> Result:
    (tmp_path / "model").write_bytes(raw)
    return scored("xgboost", tmp_path / "model", inputs=INPUTS, outputs=outputs, data=DATA)


@pytest.mark.parametrize("booster", BOOSTERS)
@pytest.mark.parametrize("file", ["json", "ubj"])
def test_an_estimator_that_stopped_early_scores_up_to_its_best_iteration(tmp_path, booster, file):
    estimator = stopped(xgboost.XGBRegressor, boosted.SCORE, booster=booster)
    estimator.save_model(tmp_path / f"m.{file}")

    result = score((tmp_path / f"m.{file}").read_bytes(), tmp_path)

    agree_each(result, VALUE, estimator.predict(ROWS), tolerance=2e-6)


@pytest.mark.parametrize(("target", "params"), [(boosted.TWO, {}), (boosted.FOUR, {"num_parallel_tree": 3})])
def test_a_classifier_that_stopped_early_scores_up_to_its_best_iteration(tmp_path, target, params):
    estimator = stopped(xgboost.XGBClassifier, target, **params)
    estimator.save_model(tmp_path / "m.json")
    chances = estimator.predict_proba(ROWS)
    outputs = CLASS + boosted.probabilities(chances.shape[1])

    result = score((tmp_path / "m.json").read_bytes(), tmp_path, outputs)

    agree_each(result, outputs, np.column_stack([estimator.predict(ROWS), chances]), tolerance=2e-6)


def test_a_booster_that_stopped_early_does_not_tell_how_many_rounds_count_and_is_refused(tmp_path):
    booster = stopped(xgboost.XGBRegressor, boosted.SCORE).get_booster()

    result = score(booster.save_raw("json"), tmp_path)

    refused(result, "model-unsupported", "rounds", "booster[: booster.best_iteration + 1]", "own save_model")


def test_a_booster_cut_to_its_best_iteration_as_the_refusal_says_is_scored(tmp_path):
    booster = stopped(xgboost.XGBRegressor, boosted.SCORE).get_booster()
    best = booster.best_iteration + 1

    result = score(booster[:best].save_raw("json"), tmp_path)

    expected = booster.predict(xgboost.DMatrix(ROWS), iteration_range=(0, best))
    agree_each(result, VALUE, expected, tolerance=2e-6)


def test_a_booster_that_kept_the_best_only_is_scored(tmp_path):
    rule = xgboost.callback.EarlyStopping(rounds=3, save_best=True)
    first, rest = (xgboost.DMatrix(ROWS[part], boosted.SCORE[part]) for part in (slice(0, 120), slice(120, None)))
    booster = xgboost.train(
        {"learning_rate": 1.2, "nthread": 1}, first, 40, evals=[(rest, "rest")], callbacks=[rule], verbose_eval=False
    )

    result = score(booster.save_raw("json"), tmp_path)

    agree_each(result, VALUE, booster.predict(xgboost.DMatrix(ROWS)), tolerance=2e-6)


@pytest.mark.parametrize("word", ["", "-5", "abc", "1000000", "3.5", "²", " 3"])
def test_a_strangers_best_iteration_is_refused(tmp_path, word):
    booster = stopped(xgboost.XGBRegressor, boosted.SCORE).get_booster()
    raw = json.loads(booster.save_raw("json"))
    raw["learner"]["attributes"]["best_iteration"] = word

    refused(score(json.dumps(raw).encode(), tmp_path), "model-unsupported", "best_iteration", "rounds")


ODD_NAMES = [
    "with space",
    "é",
    "日本",
    "tab\there",
    "line\nend",
    'quo"te',
    "back\\slash",
    "{curly}",
    "a=b",
    "1",
    "😀",
    "f1",
]


@pytest.mark.parametrize("file", ["json", "ubj"])
def test_names_are_kept_to_the_letter(tmp_path, file):
    frame = pd.DataFrame(np.random.default_rng(1).normal(size=(150, len(ODD_NAMES))), columns=ODD_NAMES)
    booster = xgboost.train({"nthread": 1}, xgboost.DMatrix(frame, frame @ np.arange(len(ODD_NAMES))), 9)
    (tmp_path / "model").write_bytes(booster.save_raw(file))
    inputs = tuple(Column(name, "double") for name in reversed(ODD_NAMES))

    result = scored("xgboost", tmp_path / "model", inputs=inputs, outputs=VALUE, data=boosted.table(frame))

    assert result.refused is None
    np.testing.assert_allclose(result["prediction"], booster.predict(xgboost.DMatrix(frame)), rtol=2e-6)


def test_a_name_that_differs_in_a_space_is_another(tmp_path):
    frame = ROWS.rename(columns={"a": "unit_price"})
    booster = xgboost.train({"nthread": 1}, xgboost.DMatrix(frame, boosted.SCORE), 3)
    (tmp_path / "model").write_bytes(booster.save_raw("json"))
    inputs = tuple(Column(name, "double", required=False) for name in ("unit price", "b", "c"))

    result = scored("xgboost", tmp_path / "model", inputs=inputs, outputs=VALUE, data=DATA)

    refused(result, "signature-mismatch", "unit_price", "doesn't have")


def test_a_model_without_names_goes_by_place(tmp_path):
    booster = xgboost.train({"nthread": 1}, xgboost.DMatrix(ROWS.to_numpy(), boosted.SCORE), 9)

    agree_each(
        score(booster.save_raw("json"), tmp_path),
        VALUE,
        booster.predict(xgboost.DMatrix(ROWS.to_numpy())),
        tolerance=2e-6,
    )


def older(raw: dict[str, Any], version: list[int]) -> dict[str, Any]:
    """As the versions before wrote it: one base score, no count of targets, no categories, no bounds of iterations."""
    raw["version"] = version
    params = raw["learner"]["learner_model_param"]
    params["base_score"] = params["base_score"].strip("[]")
    del params["boost_from_average"]
    model = raw["learner"]["gradient_booster"]["model"]
    model.pop("cats", None)
    if version < [2, 0]:
        model.pop("iteration_indptr", None)
    if version < [1, 6]:
        del params["num_target"]
    if version < [1, 4]:
        del raw["learner"]["feature_names"], raw["learner"]["feature_types"]
    return raw


@pytest.mark.parametrize("version", [[1, 0, 2], [1, 3, 3], [1, 5, 0], [1, 7, 6], [2, 1, 4], [3, 0, 5]], ids=str)
@pytest.mark.parametrize("objective", ["reg:squarederror", "binary:logistic", "count:poisson"])
def test_a_file_of_an_older_version_is_scored(tmp_path, version, objective):
    target = {"binary:logistic": boosted.TWO, "count:poisson": boosted.POSITIVE}.get(objective, boosted.SCORE)
    booster = xgboost.train({"nthread": 1, "objective": objective}, xgboost.DMatrix(ROWS, target), 9)
    raw = older(json.loads(booster.save_raw("json")), version)
    outputs = boosted.probabilities(2)[1:] if objective == "binary:logistic" else VALUE

    result = score(json.dumps(raw).encode(), tmp_path, outputs)

    agree_each(result, outputs, booster.predict(xgboost.DMatrix(ROWS)), tolerance=2e-6)


def spoiled() -> dict[str, bytes]:
    booster = xgboost.train({"nthread": 1}, xgboost.DMatrix(ROWS, boosted.SCORE), 3)
    plain, binary = bytes(booster.save_raw("json")), bytes(booster.save_raw("ubj"))
    return {
        "nothing": b"",
        "an empty object": b"{}",
        "a list": b"[1]",
        "a dump": f"[{','.join(booster.get_dump(dump_format='json'))}]".encode(),
        "a text dump": "".join(booster.get_dump()).encode(),
        "its settings": booster.save_config().encode(),
        "a snapshot": bytes(booster.__getstate__()["handle"]),
        "a pickle": pickle.dumps(booster),
        "the old binary format": b"binf" + bytes(300),
        "another old binary format": bytes(300),
        "half of it": plain[: len(plain) // 2],
        "all but its end": plain[:-1],
        "half of the binary": binary[: len(binary) // 2],
        "all but the end of the binary": binary[:-1],
        "another document": b'{"learner": 5}',
        "a number for a text": plain.replace(b'"reg:squarederror"', b"5"),
        "an unknown objective": plain.replace(b"reg:squarederror", b"reg:none_such___"),
        "an unknown booster": plain.replace(b'"name":"gbtree"', b'"name":"gbwood"'),
        "more names than inputs": plain.replace(b'["a","b","c"]', b'["a","b","c","d"]'),
    }


SPOILED = spoiled()


@pytest.mark.parametrize("name", SPOILED)
def test_what_is_no_model_is_refused_in_a_sentence(tmp_path, name):
    (tmp_path / "model").write_bytes(SPOILED[name])
    inputs = tuple(Column(each, "double") for each in [*NAMES, "d"])

    data = boosted.table(ROWS.fillna(0).assign(d=1.0))

    result = scored("xgboost", tmp_path / "model", inputs=inputs, outputs=VALUE, data=data)

    refused(result, "artifact-unreadable", "anew" if SPOILED[name][:1] == b"{" else "save_model('model.json')")
