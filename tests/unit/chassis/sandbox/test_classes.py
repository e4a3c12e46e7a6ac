"""Classes and probabilities by the outputs' names."""

import numpy as np
import pytest

from chassis.sandbox.child.binding import SignatureMismatch
from chassis.sandbox.child.classes import Classes, TargetClasses
from chassis.sandbox.child.conversion import Column
from chassis.sandbox.child.outputs import PredictionShape


def outputs(**kinds):
    return [Column(name, kind) for name, kind in kinds.items()]


@pytest.mark.parametrize(
    ("known", "name"),
    [
        (np.array([2, 5], dtype="float16"), "probability_5"),
        (np.array([2, 5], dtype="float32"), "probability_5"),
        (np.array([2.0, 5.0]), "probability_5"),
        (np.array([-1, 1]), "probability_1"),
        (np.array([False, True]), "probability_True"),
        (np.array(["no", "yes"]), "probability_yes"),
        (np.array([b"no", b"yes"]), "probability_yes"),
        (np.array([0.5, 1.5], dtype="float32"), "probability_1.5"),
        (np.array(["no", "yes"], dtype=object), "probability"),
        (None, "probability_1"),
    ],
)
def test_a_class_is_found_by_its_text_whatever_its_type(known, name):
    found = Classes(known, outputs(**{name: "double"})).outputs_of(np.array([[0.75, 0.25]]))

    assert found[name].tolist() == [0.25]


@pytest.mark.parametrize(
    ("known", "declared", "reason"),
    [
        (["a", "b"], {"prediction": "double"}, "the model gives string; its classes are a, b"),
        ([0.5, 1.5], {"prediction": "long"}, "double that it can't hold"),
        ([0, 1, 2], {"prediction": "boolean"}, "int64 that it can't hold"),
        ([0, 1, 2], {"probability": "double"}, "3 classes"),
        ([0, 1], {"probability_2": "double"}, r"probability_0, probability_1"),
        ([0, 1], {"low": "long", "high": "long", "probability": "double"}, "several outputs for it: low, high"),
    ],
)
def test_outputs_that_known_classes_do_not_fit_are_refused_beforehand(known, declared, reason):
    with pytest.raises(SignatureMismatch, match=reason):
        Classes(np.array(known), outputs(**declared))


def test_a_probability_of_no_class_is_found_out_when_the_classes_are_not_known_before():
    with pytest.raises(PredictionShape, match="probability_0, probability_1"):
        Classes(None, outputs(probability_2="double")).outputs_of(np.array([[0.75, 0.25]]))


def test_a_wrong_number_of_probabilities_is_told():
    with pytest.raises(PredictionShape, match="3 probabilities a row and has 2 classes"):
        Classes(["a", "b"], outputs(probability_a="double")).outputs_of(np.zeros((1, 3)))


MOVES = [np.array(["down", "up"]), np.array(["cold", "hot", "warm"])]


@pytest.mark.parametrize("shape", ["tables", "second classes"])
def test_probabilities_of_several_targets_are_named_after_their_outputs(shape):
    known = MOVES if shape == "tables" else [np.array([0, 1]), np.array([0, 1])]
    second = "probability_heat_hot" if shape == "tables" else "probability_heat_1"
    given = [np.array([[0.4, 0.6]]), np.array([[0.2, 0.3, 0.5]])] if shape == "tables" else np.array([[0.6, 0.3]])
    kind = "string" if shape == "tables" else "long"
    chosen = TargetClasses(known, outputs(move=kind, heat=kind, **{second: "double"}))

    found = chosen.outputs_of(given, np.array([[known[0][1], known[1][0]]]))

    assert found[second].tolist() == [0.3]
    assert found["move"].tolist() == [known[0][1]]
    assert found["heat"].tolist() == [known[1][0]]


@pytest.mark.parametrize(
    ("declared", "reason"),
    [
        ({"move": "string"}, "predicts 2 targets, and the signature has 1 outputs"),
        ({"move": "string", "heat": "string", "probability_up": "double"}, "no class's of any target"),
        ({"move": "string", "heat": "long"}, "output heat is of type long"),
    ],
)
def test_outputs_of_several_targets_that_do_not_fit_are_refused(declared, reason):
    with pytest.raises(SignatureMismatch, match=reason):
        TargetClasses(MOVES, outputs(**declared))


def test_a_name_that_two_targets_classes_have_is_refused():
    known = [np.array(["b_c", "d"]), np.array(["c", "e"])]

    with pytest.raises(SignatureMismatch, match="several targets"):
        TargetClasses(known, outputs(a="string", a_b="string", probability_a_b_c="double"))
