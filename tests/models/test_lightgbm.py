"""LightGBM's files against LightGBM: every objective on every kind of boosting, by both its interfaces."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pytest

from chassis.sandbox.child.conversion import Column
from tests.models import boosted
from tests.models.boosted import CLASS, INPUTS, ROWS, VALUE, agree_each, probabilities, refused, sampled, several
from tests.models.harness import Result, scored

DATA = boosted.table(ROWS)
QUIET = {"verbose": -1, "num_threads": 1, "min_data_in_leaf": 5, "deterministic": True, "force_row_wise": True}
BOOSTING: dict[str, dict[str, Any]] = {
    "gbdt": {"boosting": "gbdt"},
    "dart": {"boosting": "dart", "drop_rate": 0.5},
    "rf": {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.6},
    "goss": {"data_sample_strategy": "goss", "learning_rate": 0.6},
    "linear": {"linear_tree": True},
    "zeros missing": {"zero_as_missing": True},
    "no missing": {"use_missing": False, "max_bin": 15},
}


@dataclass(frozen=True)
class Task:
    """An objective with a target for it; `classes`: how many it tells apart, 0 where it gives values."""

    objective: str
    target: Any
    classes: int = 0
    params: tuple[tuple[str, Any], ...] = ()

    def __str__(self) -> str:
        return "-".join([self.objective, *(str(value) for _, value in self.params)])


TASKS = [
    *(Task(each, boosted.SCORE) for each in ("regression", "regression_l1", "huber", "fair", "quantile", "mape")),
    *(Task(each, boosted.POSITIVE) for each in ("poisson", "gamma", "tweedie")),
    Task("regression", boosted.POSITIVE, params=(("reg_sqrt", True),)),
    Task("cross_entropy", boosted.SHARE),
    Task("cross_entropy_lambda", boosted.SHARE),
    Task("binary", boosted.TWO, 2),
    Task("binary", boosted.TWO, 2, (("sigmoid", 2.0), ("is_unbalance", True))),
    Task("multiclass", boosted.FOUR, 4, (("num_class", 4),)),
    Task("multiclass", boosted.TWO, 2, (("num_class", 2),)),
    Task("multiclassova", boosted.FOUR, 4, (("num_class", 4),)),
    Task("lambdarank", boosted.FOUR),
    Task("rank_xendcg", boosted.FOUR),
]
REFUSED = {("regression_l1", "linear"): "Cannot use regression_l1 objective when fitting linear trees"}
"""What the library doesn't train, by objective and kind of boosting, in its own words."""
CASES = [(task, boosting) for task in TASKS for boosting in BOOSTING if (task.objective, boosting) not in REFUSED]


def trained(task: Task, boosting: str) -> lightgbm.Booster:
    params = {**QUIET, **BOOSTING[boosting], "objective": task.objective, **dict(task.params)}
    groups = np.bincount(boosted.GROUPS) if task.objective in {"lambdarank", "rank_xendcg"} else None
    return lightgbm.train(params, lightgbm.Dataset(ROWS, task.target, group=groups, params=params), 8)


def score(text: str, tmp_path: Any, outputs: tuple[Column, ...] = VALUE) -> Result:
    (tmp_path / "model").write_bytes(text.encode())
    return scored("lightgbm", tmp_path / "model", inputs=INPUTS, outputs=outputs, data=DATA)


def two(chances: np.ndarray) -> np.ndarray:
    """Of both classes."""
    return chances if chances.ndim == 2 else np.column_stack([1 - chances, chances])


def objective_of(text: str) -> str | None:
    """As the library writes it again, having read the model; None where it knows it as no objective of its own."""
    try:
        written = lightgbm.Booster(model_str=text).model_to_string()
    except lightgbm.basic.LightGBMError:
        return None
    return next((line.split("=")[1].split()[0] for line in written.splitlines() if line.startswith("objective=")), None)


def test_all_objectives_of_the_library_are_tried(capfd):
    library = Path(lightgbm.basic._LIB._name).read_bytes()
    # Of texts with the same end, such as `binary` and `large_binary`, the linker may have kept the longest alone.
    names = {text[at:].decode() for text in re.findall(rb"[a-z0-9_]+(?=\0)", library) for at in range(len(text))}
    text = trained(Task("regression", boosted.SCORE), "gbdt").model_to_string()
    assert text.count("\nobjective=regression\n") == 1
    models = (text.replace("=regression\n", f"={name} sigmoid:1 num_class:2\n", 1) for name in names)

    known = {objective_of(model) for model in models} - {None}

    capfd.readouterr()  # It says of each of the others that it isn't one.
    assert known == {task.objective for task in TASKS}


@pytest.mark.parametrize("case", sampled(CASES, 5))
def test_a_booster_scores_as_its_own_predict(tmp_path, case):
    task, boosting = case
    booster = trained(task, boosting)
    expected, outputs = booster.predict(ROWS), VALUE
    if task.classes:
        outputs = CLASS + probabilities(task.classes)
        expected = np.column_stack([two(expected).argmax(axis=1), two(expected)])

    result = score(booster.model_to_string(), tmp_path, outputs)

    agree_each(result, outputs, expected, tolerance=1e-9)


@pytest.mark.parametrize(("objective", "boosting"), REFUSED)
def test_what_is_not_tried_is_what_the_library_refuses(objective, boosting):
    task = next(each for each in TASKS if each.objective == objective)

    with pytest.raises(lightgbm.basic.LightGBMError, match=REFUSED[objective, boosting]):
        trained(task, boosting)


@pytest.mark.parametrize("classes", [1, 3])
def test_an_objective_of_ones_own_gives_raw_scores(tmp_path, classes):
    def halved(scores: np.ndarray, rows: lightgbm.Dataset) -> tuple[np.ndarray, np.ndarray]:
        wanted = np.repeat(rows.get_label()[:, None] / 2, classes, axis=1).reshape(scores.shape)
        return scores - wanted, np.ones_like(scores)

    params = {**QUIET, "objective": halved, "num_class": classes}
    booster = lightgbm.train(params, lightgbm.Dataset(ROWS, boosted.SCORE), 8)
    outputs = several(classes)

    result = score(booster.model_to_string(), tmp_path, outputs)

    agree_each(result, outputs, booster.predict(ROWS), tolerance=1e-9)


@pytest.mark.parametrize("target", [boosted.TWO, boosted.FOUR, boosted.TWO > 0], ids=["two", "four", "booleans"])
@pytest.mark.parametrize("boosting", ["gbdt", "dart", "rf"])
def test_a_classifier_gives_its_class_and_probabilities(tmp_path, target, boosting):
    sampling = {"subsample": 0.6, "subsample_freq": 1} if boosting == "rf" else {}
    estimator = lightgbm.LGBMClassifier(n_estimators=8, boosting_type=boosting, n_jobs=1, verbose=-1, **sampling)
    chances = estimator.fit(ROWS, target).predict_proba(ROWS)
    label = Column("class", "boolean" if target.dtype == bool else "long")

    result = score(estimator.booster_.model_to_string(), tmp_path, (label, *probabilities(chances.shape[1])))

    agree_each(result, probabilities(chances.shape[1]), chances, tolerance=1e-9)
    agree_each(result, (label,), estimator.predict(ROWS), tolerance=0)


@pytest.mark.parametrize("make", [lightgbm.LGBMRegressor, lightgbm.LGBMRanker])
def test_an_estimator_scores_as_its_own_predict(tmp_path, make):
    ranks = make is lightgbm.LGBMRanker
    estimator = make(n_estimators=8, n_jobs=1, verbose=-1)
    estimator.fit(ROWS, boosted.FOUR, **({"group": np.bincount(boosted.GROUPS)} if ranks else {}))

    result = score(estimator.booster_.model_to_string(), tmp_path)

    agree_each(result, VALUE, estimator.predict(ROWS), tolerance=1e-9)


@pytest.mark.parametrize("kept", [None, -1, 3])
def test_a_model_that_stopped_early_scores_with_the_trees_that_its_file_has(tmp_path, kept):
    first, rest = slice(0, 120), slice(120, None)
    booster = lightgbm.train(
        {**QUIET, "learning_rate": 0.9, "early_stopping_round": 3},
        lightgbm.Dataset(ROWS[first], boosted.SCORE[first]),
        60,
        valid_sets=[lightgbm.Dataset(ROWS[rest], boosted.SCORE[rest])],
        keep_training_booster=True,
    )
    assert booster.best_iteration < booster.num_trees()

    result = score(booster.model_to_string(num_iteration=kept), tmp_path)

    agree_each(result, VALUE, booster.predict(ROWS, num_iteration=kept), tolerance=1e-9)


def test_a_score_that_training_began_with_is_no_part_of_the_model(tmp_path):
    rows = lightgbm.Dataset(ROWS, boosted.SCORE + 7, init_score=np.full(len(ROWS), 7.0))
    booster = lightgbm.train(QUIET, rows, 8)

    agree_each(score(booster.model_to_string(), tmp_path), VALUE, booster.predict(ROWS), tolerance=1e-9)


@pytest.mark.parametrize("target", [np.full(len(ROWS), 7.0), np.zeros(len(ROWS))])
def test_a_model_without_a_split_gives_its_constant(tmp_path, target):
    booster = lightgbm.train(QUIET, lightgbm.Dataset(ROWS, target), 3)

    agree_each(score(booster.model_to_string(), tmp_path), VALUE, booster.predict(ROWS), tolerance=1e-9)


WRONG_OUTPUTS = {
    "double of a class": ("binary", VALUE, ("class as long", "probability_0")),
    "text of a class": ("binary", (Column("prediction", "string"),), ("declare it long",)),
    "boolean of four": ("multiclass", (Column("prediction", "boolean"),), ("declare it long",)),
    "fifth class": ("multiclass", (Column("probability_4", "double"),), ("probability_0 to probability_3",)),
    "class by name": ("multiclassova", (Column("probability_high", "double"),), ("classes are numbers",)),
    "matrix of probabilities": ("multiclass", several(4), ("class as long", "probability_0")),
    "one class twice": ("multiclass", several(2, "long"), ("would both hold it",)),
    "whole value": ("regression", CLASS, ("declare it double",)),
    "probability of a value": ("regression", probabilities(2)[1:], ("give it another name",)),
    "class of a chance": ("cross_entropy", CLASS, ("declare it double",)),
    "two of one value": ("regression", several(2), ("declare 1",)),
}


@pytest.mark.parametrize("name", WRONG_OUTPUTS)
def test_outputs_that_the_model_does_not_give_are_refused_before_a_row_is_scored(tmp_path, name):
    objective, outputs, words = WRONG_OUTPUTS[name]
    task = next(task for task in TASKS if task.objective == objective)

    result = score(trained(task, "gbdt").model_to_string(), tmp_path, outputs)

    refused(result, "signature-mismatch", outputs[0].name if "two of" not in name else "outputs", *words)


def test_a_value_that_is_a_probability_may_be_called_one(tmp_path):
    booster = trained(Task("cross_entropy", boosted.SHARE), "gbdt")
    outputs = (Column("probability", "double"),)

    agree_each(score(booster.model_to_string(), tmp_path, outputs), outputs, booster.predict(ROWS), tolerance=1e-9)


SETTINGS = {
    "another objective": ("[objective: regression]", "[objective: binary]"),
    "many threads": ("[num_threads: 1]", "[num_threads: 64]"),
    "early stopping": ("[early_stopping_round: 0]", "[pred_early_stop: 1]"),
    "fewer trees": ("[num_iterations: 8]", "[num_iteration_predict: 1]"),
    "raw scores": ("[reg_sqrt: 0]", "[predict_raw_score: 1]"),
    "linear trees": ("[linear_tree: 0]", "[linear_tree: 1]"),
    "categorical": ("[categorical_feature: ]", "[categorical_feature: 0,1]"),
    "no missing": ("[use_missing: 1]", "[use_missing: 0]"),
    "classes": ("[num_class: 1]", "[num_class: 3]"),
}


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("objective", ["regression", "binary", "poisson"])
def test_settings_that_a_stranger_wrote_change_nothing(tmp_path, name, objective):
    task = next(task for task in TASKS if task.objective == objective)
    booster = trained(task, "gbdt")
    before, after = SETTINGS[name]
    text = booster.model_to_string().replace("[objective: " + objective, "[objective: regression")
    assert before in text
    outputs = probabilities(2)[1:] if task.classes else VALUE

    result = score(text.replace(before, after), tmp_path, outputs)

    agree_each(result, outputs, booster.predict(ROWS), tolerance=1e-9)


@pytest.mark.parametrize("objective", ["regression", "binary"])
def test_settings_that_are_gone_change_nothing(tmp_path, objective):
    task = next(task for task in TASKS if task.objective == objective)
    booster = trained(task, "linear")
    text = booster.model_to_string()
    text = text[: text.index("parameters:")] + text[text.index("pandas_categorical") :]
    outputs = probabilities(2)[1:] if task.classes else VALUE

    agree_each(score(text, tmp_path, outputs), outputs, booster.predict(ROWS), tolerance=1e-9)
