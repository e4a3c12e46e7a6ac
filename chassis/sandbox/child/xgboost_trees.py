"""XGBoost's models before the library loads them: whether lists are as long as they must be, and point where they may.

The library believes what they say: from a child or a weight that lies elsewhere it reads the process' memory as
predictions, from a child that is its own ancestor it never returns, and into an output that isn't there it writes.
"""

import re
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from . import xgboost_document

_COUNT: Final = re.compile(r"0|[1-9][0-9]{0,9}", re.ASCII)
_LEAF: Final = -1
_CATEGORICAL: Final = 1
_MOST_CATEGORIES: Final = 1 << 24
_NODES: Final = ("split_conditions", "default_left", "loss_changes", "sum_hessian")

_Whole = npt.NDArray[np.int64]


class NoModel(ValueError):
    """The library would read or write where nothing is."""


@dataclass(frozen=True)
class Tree:
    """What a tree asks of its model. `features`: one more than the last input that it splits by; `width`: of a leaf."""

    id: int
    features: int
    width: int


def check_model(raw: bytes) -> None:
    """Look at a model's file.

    Raises:
        ValueError, LookupError, TypeError, RecursionError: it isn't whole.
    """
    learner = _dict(_dict(xgboost_document.read(raw, _made))["learner"])
    params, booster = _dict(learner["learner_model_param"]), _dict(learner["gradient_booster"])
    features = _count(params["num_feature"])
    groups = max(_count(params["num_class"]), _count(params.get("num_target", "1")), 1)
    _ensure(str(params["base_score"]).count(",") in (0, groups - 1))
    if booster["name"] == "gblinear":
        _ensure(len(_real(_dict(booster["model"])["weights"])) == (features + 1) * groups)
    elif booster["name"] == "dart":
        _check_trees(_dict(_dict(booster["gbtree"])["model"]), features, groups, dropped=_real(booster["weight_drop"]))
    else:
        _check_trees(_dict(booster["model"]), features, groups)


def _made(found: dict[str, Any]) -> Any:
    """Trees are looked at one by one: a large model's lists are never there together."""
    return check_tree(found) if "left_children" in found else found


def _check_trees(model: dict[str, Any], features: int, groups: int, dropped: npt.NDArray[Any] | None = None) -> None:
    trees = model["trees"]
    _ensure(isinstance(trees, list) and all(isinstance(tree, Tree) for tree in trees))
    count = _count(_dict(model["gbtree_model_param"])["num_trees"])
    info = _whole(model["tree_info"])
    _ensure(len(trees) == len(info) == count and (dropped is None or len(dropped) == count))
    _ensure(_within(info, groups) and sorted(tree.id for tree in trees) == list(range(count)))
    widths = {tree.width for tree in trees}
    # A round has a tree for each value that the model gives, or trees whose leaves hold them all.
    _ensure(widths == {groups} or (widths <= {1} and count % groups == 0))
    _ensure(all(tree.features <= features for tree in trees))
    if "iteration_indptr" in model:
        rounds = _whole(model["iteration_indptr"])
        _ensure(len(rounds) > 0 and rounds[0] == 0 and rounds[-1] == count and bool(np.all(np.diff(rounds) >= 0)))
    if "cats" in model:
        _check_known_categories(_dict(model["cats"]))


def check_tree(tree: dict[str, Any]) -> Tree:
    """Raises: ValueError, LookupError, TypeError: it isn't whole."""
    param = _dict(tree["tree_param"])
    nodes, width = _count(param["num_nodes"]), max(_count(param.get("size_leaf_vector", "0")), 1)
    left, right, parents = (_whole(tree[name]) for name in ("left_children", "right_children", "parents"))
    split = _whole(tree["split_indices"])
    _ensure(nodes >= 1 and len(left) == len(right) == len(parents) == len(split) == nodes)
    _ensure(all(len(_real(tree[name])) == nodes for name in _NODES) and _within(parents[1:], nodes))
    inner = left != _LEAF
    _check_children(np.concatenate([left[inner], right[inner]]), nodes)
    _check_leaves(tree, right[~inner], nodes, width)
    if "split_type" in tree:
        _check_splits(tree, nodes)
    asked = split[inner]
    _ensure(bool(np.all(asked >= 0)))
    ident = tree["id"]
    _ensure(isinstance(ident, int))
    return Tree(ident, int(asked.max(initial=-1)) + 1, width)


def _check_children(children: _Whole, nodes: int) -> None:
    """None is the first node, or has two parents: so whoever goes down from the first one comes to a leaf."""
    _ensure(bool(np.all((children > 0) & (children < nodes))) and len(np.unique(children)) == len(children))


def _check_leaves(tree: dict[str, Any], places: _Whole, nodes: int, width: int) -> None:
    """A leaf of several values says as its right child where in their list they stand."""
    weights = len(_real(tree["base_weights"]))
    if width == 1:
        _ensure(weights == nodes)
        return
    values = len(_real(tree["leaf_weights"]))
    _ensure(values % width == 0 and _within(places, values // width) and weights > 0 and weights % nodes == 0)


def _check_splits(tree: dict[str, Any], nodes: int) -> None:
    """Which nodes ask for categories, and which ones."""
    kinds, asking = _whole(tree["split_type"]), _whole(tree["categories_nodes"])
    starts, sizes = _whole(tree["categories_segments"]), _whole(tree["categories_sizes"])
    categories = _whole(tree["categories"])
    _ensure(len(kinds) == nodes and _within(kinds, _CATEGORICAL + 1))
    _ensure(bool(np.array_equal(np.flatnonzero(kinds), asking)) and len(starts) == len(sizes) == len(asking))
    _ensure(_within(starts, len(categories)) and bool(np.all(sizes > 0)))
    _ensure(bool(np.all(sizes <= len(categories) - starts)) and _within(categories, _MOST_CATEGORIES))


def _check_known_categories(known: dict[str, Any]) -> None:
    """Of each input the categories that training saw, and of all of them together their order by value."""
    counts = [_known(_dict(column)) for column in known["enc"]]
    segments, order = _whole(known["feature_segments"]), _whole(known["sorted_idx"])
    if len(segments) or len(order) or sum(counts):
        _ensure(bool(np.array_equal(segments, np.cumsum([0, *counts]))))
        _ensure(len(order) == sum(counts))
        for start, count in zip(segments, counts, strict=False):
            _ensure(_within(order[start : start + count], count))


def _known(column: dict[str, Any]) -> int:
    """How many categories a column has. Texts lie one behind the other; offsets say where each begins and ends."""
    values = column["values"]
    if "offsets" not in column:
        return len(_real(values))
    offsets = _whole(column["offsets"])
    if not len(offsets):
        _ensure(len(values) == 0)
        return 0
    _ensure(offsets[0] == 0 and offsets[-1] == len(_whole(values)) and bool(np.all(np.diff(offsets) >= 0)))
    return len(offsets) - 1


def _dict(found: Any) -> dict[str, Any]:
    _ensure(isinstance(found, dict))
    return found


def _count(text: Any) -> int:
    """Raises: NoModel, TypeError."""
    _ensure(_COUNT.fullmatch(text) is not None)
    return int(text)


def _within(numbers: _Whole, end: int) -> bool:
    return bool(np.all((numbers >= 0) & (numbers < end)))


def _whole(found: Any) -> _Whole:
    """Raises: NoModel: these are no whole numbers."""
    numbers = _real(found)
    _ensure(len(numbers) == 0 or numbers.dtype.kind in "iub")
    return numbers.astype(np.int64)


def _real(found: Any) -> npt.NDArray[Any]:
    _ensure(isinstance(found, (list, np.ndarray)))
    numbers = np.asarray(found)
    _ensure(numbers.ndim == 1 and (len(numbers) == 0 or numbers.dtype.kind in "iubf"))
    return numbers


def _ensure(holds: bool) -> None:  # noqa: FBT001 - as `assert` takes it
    """Raises: NoModel."""
    if not holds:
        raise NoModel("a list of the model is too long, too short, or points elsewhere")
