"""XGBoost's files against XGBoost: every objective on every booster, and what its scikit-learn interface saves."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import xgboost
from scipy.special import softmax

from chassis.sandbox.child.conversion import Column
from tests.models import boosted
from tests.models.boosted import CLASS, COUNT, INPUTS, ROWS, VALUE, agree_each, probabilities, refused, sampled, several
from tests.models.harness import scored

DATA = boosted.table(ROWS)
FILES = ("json", "ubj")
BOOSTERS = {
    "gbtree": {"booster": "gbtree", "max_depth": 3},
    "dart": {"booster": "dart", "max_depth": 3, "rate_drop": 0.3, "seed": 1},
    "gblinear": {"booster": "gblinear"},
    "forest": {"booster": "gbtree", "max_depth": 3, "num_parallel_tree": 4, "subsample": 0.7},
}


@dataclass(frozen=True)
class Task:
    """An objective with a target for it; `gives`: values, classes or labels."""

    objective: str
    target: Any = None
    gives: str = "values"
    params: tuple[tuple[str, Any], ...] = ()
    rows: tuple[tuple[str, Any], ...] = ()

    def __str__(self) -> str:
        return "-".join([self.objective, *(str(value) for _, value in self.params)])


TASKS = [
    *(
        Task(each, boosted.SCORE)
        for each in ("reg:squarederror", "reg:linear", "reg:absoluteerror", "reg:pseudohubererror")
    ),
    *(
        Task(each, boosted.POSITIVE)
        for each in ("reg:squaredlogerror", "reg:gamma", "reg:tweedie", "count:poisson", "survival:cox")
    ),
    Task("reg:logistic", boosted.SHARE),
    Task("reg:quantileerror", boosted.SCORE, params=(("quantile_alpha", 0.3),)),
    Task("reg:quantileerror", boosted.SCORE, params=(("quantile_alpha", [0.1, 0.5, 0.9]),)),
    Task(
        "survival:aft",
        rows=(("label_lower_bound", boosted.POSITIVE), ("label_upper_bound", boosted.POSITIVE * 2)),
    ),
    *(Task(each, boosted.TWO, rows=(("qid", boosted.GROUPS),)) for each in ("rank:ndcg", "rank:map", "rank:pairwise")),
    Task("binary:logitraw", boosted.TWO),
    Task("binary:logistic", boosted.TWO, "classes"),
    Task("binary:hinge", boosted.TWO, "classes"),
    Task("multi:softmax", boosted.FOUR, "classes", (("num_class", 4),)),
    Task("multi:softprob", boosted.FOUR, "classes", (("num_class", 4),)),
    Task("binary:logistic", boosted.LABELS, "labels"),
    Task("reg:squarederror", boosted.SCORE, params=(("base_score", 3.5),)),
    Task("binary:logistic", boosted.TWO, "classes", (("base_score", 0.2),)),
    # A margin is no part of the model: without it, `predict` gives what the trees add to the base score.
    Task("reg:squarederror", boosted.SCORE + 7, rows=(("base_margin", np.full(COUNT, 7.0)),)),
    Task("reg:squarederror", boosted.TARGETS),
    Task("reg:absoluteerror", boosted.TARGETS),
    Task("reg:squarederror", boosted.TARGETS, params=(("multi_strategy", "multi_output_tree"),)),
    Task("multi:softprob", boosted.FOUR, "classes", (("num_class", 4), ("multi_strategy", "multi_output_tree"))),
    Task("binary:logistic", boosted.LABELS, "labels", (("multi_strategy", "multi_output_tree"),)),
]
CASES = [
    (task, booster, file)
    for task in TASKS
    for booster in BOOSTERS
    for file in FILES
    if "multi_strategy" not in dict(task.params) or booster in {"gbtree", "forest"}
]


def trained(task: Task, booster: str) -> xgboost.Booster:
    rows = xgboost.DMatrix(ROWS, task.target, **dict(task.rows))
    params = {"objective": task.objective, "nthread": 1, **BOOSTERS[booster], **dict(task.params)}
    return xgboost.train(params, rows, 8)


def saved(booster: xgboost.Booster, tmp_path, file="json"):
    artifact = tmp_path / "model"
    artifact.write_bytes(booster.save_raw(file))
    return artifact


def test_all_objectives_of_the_library_are_tried():
    with pytest.raises(xgboost.core.XGBoostError) as caught:
        xgboost.train({"objective": "none such"}, xgboost.DMatrix(ROWS, boosted.SCORE), 1)

    known = {line.split()[-1] for line in str(caught.value).splitlines() if line.startswith("Objective candidate")}
    assert {task.objective for task in TASKS} == known


@pytest.mark.parametrize("case", sampled(CASES, 11))
def test_a_booster_scores_as_its_own_predict(tmp_path, case):
    task, name, file = case
    booster = trained(task, name)
    expected = booster.predict(xgboost.DMatrix(ROWS))
    artifact = saved(booster, tmp_path, file)

    if task.gives == "values":
        outputs = VALUE if expected.ndim == 1 else several(expected.shape[1])
        result = scored("xgboost", artifact, inputs=INPUTS, outputs=outputs, data=DATA)
        agree_each(result, outputs, expected, tolerance=2e-6)
    elif task.gives == "classes":
        margins = booster.predict(xgboost.DMatrix(ROWS), output_margin=True)
        chances = (
            np.column_stack([1 - expected, expected]) if task.objective.startswith("binary") else softmax(margins, 1)
        )
        outputs = CLASS + probabilities(chances.shape[1])
        result = scored("xgboost", artifact, inputs=INPUTS, outputs=outputs, data=DATA)
        agree_each(result, outputs[1:], chances, tolerance=5e-6)
        agree_each(result, CLASS, chances.argmax(axis=1), tolerance=0)
    else:
        outputs = several(3, "long") + probabilities(3)
        result = scored("xgboost", artifact, inputs=INPUTS, outputs=outputs, data=DATA)
        agree_each(result, outputs, np.column_stack([expected > 0.5, expected]).astype(float), tolerance=2e-6)


@pytest.mark.parametrize("file", FILES)
def test_the_class_of_softmax_is_the_librarys(tmp_path, file):
    booster = trained(Task("multi:softmax", boosted.FOUR, "classes", (("num_class", 4),)), "gbtree")

    result = scored("xgboost", saved(booster, tmp_path, file), inputs=INPUTS, outputs=CLASS, data=DATA)

    agree_each(result, CLASS, booster.predict(xgboost.DMatrix(ROWS)).astype(int), tolerance=0)


@pytest.mark.parametrize("booster", BOOSTERS)
def test_an_objective_of_ones_own_gives_what_the_saved_file_gives(tmp_path, booster):
    def halved(scores: np.ndarray, rows: xgboost.DMatrix) -> tuple[np.ndarray, np.ndarray]:
        return scores - rows.get_label() / 2, np.ones_like(scores)

    params = {"nthread": 1, **BOOSTERS[booster]}
    model = xgboost.train(params, xgboost.DMatrix(ROWS, boosted.SCORE), 8, obj=halved)

    result = scored("xgboost", saved(model, tmp_path), inputs=INPUTS, outputs=VALUE, data=DATA)

    agree_each(result, VALUE, model.predict(xgboost.DMatrix(ROWS)), tolerance=2e-6)


def by(objective: str) -> Any:
    return lambda **given: xgboost.XGBClassifier(objective=objective, **given)


ESTIMATORS = {
    "regressor": (xgboost.XGBRegressor, boosted.SCORE),
    "regressor of several targets": (xgboost.XGBRegressor, boosted.TARGETS),
    "regressor of a chance": (lambda **given: xgboost.XGBRegressor(objective="binary:logistic", **given), boosted.TWO),
    "forest regressor": (xgboost.XGBRFRegressor, boosted.SCORE),
    "ranker": (xgboost.XGBRanker, boosted.TWO),
    "classifier of two": (xgboost.XGBClassifier, boosted.TWO),
    "classifier of four": (xgboost.XGBClassifier, boosted.FOUR),
    "classifier by softmax": (by("multi:softmax"), boosted.FOUR),
    "classifier by hinge": (by("binary:hinge"), boosted.TWO),
    "classifier by raw scores": (by("binary:logitraw"), boosted.TWO),
    "classifier by squares": (by("reg:squarederror"), boosted.TWO),
    "classifier of labels": (xgboost.XGBClassifier, boosted.LABELS),
    "forest classifier": (xgboost.XGBRFClassifier, boosted.FOUR),
}
ESTIMATED = [
    (name, booster, file)
    for name in ESTIMATORS
    for booster in (("gbtree",) if "forest" in name else ("gbtree", "dart", "gblinear"))
    for file in FILES
]


@pytest.mark.parametrize("case", sampled(ESTIMATED, 7))
def test_an_estimator_scores_as_its_own_predict(tmp_path, case):
    name, booster, file = case
    make, target = ESTIMATORS[name]
    estimator = make(n_estimators=8, n_jobs=1, booster=booster)
    estimator.fit(ROWS, target, **({"qid": boosted.GROUPS} if name == "ranker" else {}))
    estimator.save_model(tmp_path / f"model.{file}")
    expected = estimator.predict(ROWS)
    chances = np.empty((COUNT, 0))
    if "classifier" in name and name != "classifier by raw scores":
        chances = estimator.predict_proba(ROWS)
    width = 1 if expected.ndim == 1 else expected.shape[1]
    outputs = several(width, "long" if "classifier" in name else "double") + probabilities(chances.shape[1])

    result = scored("xgboost", tmp_path / f"model.{file}", inputs=INPUTS, outputs=outputs, data=DATA)

    agree_each(result, outputs, np.column_stack([expected, chances]), tolerance=2e-6)


@pytest.mark.parametrize("name", [name for name in ESTIMATORS if "classifier" in name])
def test_a_classifiers_class_may_be_a_double_where_the_file_says_that_it_is_one(tmp_path, name):
    make, target = ESTIMATORS[name]
    estimator = make(n_estimators=4, n_jobs=1).fit(ROWS, target)
    estimator.save_model(tmp_path / "model.json")
    outputs = several(3) if name == "classifier of labels" else VALUE

    result = scored("xgboost", tmp_path / "model.json", inputs=INPUTS, outputs=outputs, data=DATA)

    agree_each(result, outputs, estimator.predict(ROWS), tolerance=0)


@pytest.mark.parametrize("target", [boosted.TWO, boosted.FOUR, boosted.LABELS], ids=["two", "four", "labels"])
def test_a_double_of_a_booster_that_classifies_may_be_class_or_probability_and_is_refused(tmp_path, target):
    estimator = xgboost.XGBClassifier(n_estimators=4, n_jobs=1).fit(ROWS, target)
    outputs = several(3) if target.ndim == 2 else VALUE

    result = scored("xgboost", saved(estimator.get_booster(), tmp_path), inputs=INPUTS, outputs=outputs, data=DATA)

    refused(result, "signature-mismatch", outputs[0].name, "class as long", "probability_0")


WRONG_OUTPUTS = {
    "text of a class": (boosted.TWO, (Column("prediction", "string"),), "declare it long"),
    "boolean of four": (boosted.FOUR, (Column("prediction", "boolean"),), "declare it long"),
    "fifth class": (boosted.FOUR, (Column("probability_4", "double"),), "probability_0 to probability_3"),
    "second of four": (boosted.FOUR, (Column("probability", "double"),), "probability_0 to probability_3"),
    "class by name": (boosted.TWO, (Column("probability_yes", "double"),), "classes are numbers"),
    "whole probability": (boosted.TWO, (Column("probability_1", "long"),), "declare it double"),
    "one class twice": (boosted.FOUR, several(2, "long"), "would both hold it"),
    "two of three labels": (boosted.LABELS, several(2, "long"), "declare 3"),
    "no outputs for labels": (boosted.LABELS, (), "declare 3"),
    "fourth label": (boosted.LABELS, (*several(3, "long"), Column("probability_3", "double")), "probability_2"),
    "whole value": (boosted.SCORE, CLASS, "declare it double"),
    "text of a value": (boosted.SCORE, (Column("prediction", "string"),), "declare it double"),
    "probability of a value": (boosted.SCORE, (Column("probability", "double"),), "give it another name"),
    "two of three values": (boosted.TARGETS, several(2), "declare 3"),
    "no outputs for values": (boosted.TARGETS, (), "declare 3"),
}


@pytest.mark.parametrize("name", WRONG_OUTPUTS)
def test_outputs_that_the_model_does_not_give_are_refused_before_a_row_is_scored(tmp_path, name):
    target, outputs, cure = WRONG_OUTPUTS[name]
    make = xgboost.XGBRegressor if target.dtype.kind == "f" else xgboost.XGBClassifier
    estimator = make(n_estimators=3, n_jobs=1).fit(ROWS, target)

    result = scored("xgboost", saved(estimator.get_booster(), tmp_path), inputs=INPUTS, outputs=outputs, data=DATA)

    refused(result, "signature-mismatch", cure)


def test_raw_scores_have_no_probabilities(tmp_path):
    estimator = xgboost.XGBClassifier(n_estimators=3, n_jobs=1, objective="binary:logitraw").fit(ROWS, boosted.TWO)
    estimator.save_model(tmp_path / "model.json")

    result = scored("xgboost", tmp_path / "model.json", inputs=INPUTS, outputs=probabilities(2), data=DATA)

    refused(result, "signature-mismatch", "probability_0", "binary:logistic")


def test_a_value_that_is_a_probability_may_be_called_one(tmp_path):
    booster = trained(Task("reg:logistic", boosted.SHARE), "gbtree")
    outputs = (Column("probability", "double"),)

    result = scored("xgboost", saved(booster, tmp_path), inputs=INPUTS, outputs=outputs, data=DATA)

    agree_each(result, outputs, booster.predict(xgboost.DMatrix(ROWS)), tolerance=2e-6)


def test_a_classifier_without_outputs_gives_its_class(tmp_path):
    estimator = xgboost.XGBClassifier(n_estimators=3, n_jobs=1).fit(ROWS, boosted.FOUR)

    result = scored("xgboost", saved(estimator.get_booster(), tmp_path), inputs=INPUTS, data=DATA)

    agree_each(result, VALUE, estimator.predict(ROWS), tolerance=0)


@pytest.mark.parametrize("word", ["", "5", "[]", "{}", '{"_estimator_type": "clusterer"}', "null"])
def test_a_strangers_word_about_the_interface_counts_for_nothing(tmp_path, word):
    booster = xgboost.XGBRegressor(n_estimators=3, n_jobs=1).fit(ROWS, boosted.SCORE).get_booster()
    raw = json.loads(booster.save_raw("json"))
    raw["learner"]["attributes"]["scikit_learn"] = word
    (tmp_path / "model").write_text(json.dumps(raw, ensure_ascii=False))

    result = scored("xgboost", tmp_path / "model", inputs=INPUTS, outputs=VALUE, data=DATA)

    agree_each(result, VALUE, booster.predict(xgboost.DMatrix(ROWS)), tolerance=2e-6)
