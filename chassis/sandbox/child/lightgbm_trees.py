"""A tree of LightGBM's text file: whether its lists are as long as they must be, and point where they may.

The library believes what they say: from a child that lies elsewhere it reads the process' memory as predictions, from
one that is its own ancestor it never returns, and a list of another length ends the process.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

_MOST_LINES: Final = 22
"""More of them the library doesn't read."""
_LEAVES: Final = ("leaf_value", "leaf_weight", "leaf_count", "leaf_const", "num_features")
_NODES: Final = ("threshold", "split_gain", "internal_value", "internal_weight", "internal_count", "decision_type")
_NEEDED: Final = ("split_feature", "threshold", "left_child", "right_child")
_CATEGORICAL: Final = 1
"""The bit of a node's `decision_type`."""

_Whole = npt.NDArray[np.int64]


class NoTree(ValueError):
    """The library would read on where nothing is."""


def check_tree(text: str, *, features: int) -> None:
    """Look at a tree's lines, from `Tree=` on. `features`: how many inputs the model has.

    Raises:
        ValueError: it isn't whole.
    """
    lists = _lists(text)
    leaves, categorical = int(lists["num_leaves"]), int(lists["num_cat"])
    _ensure(leaves >= 1 and categorical >= 0)
    _check_lengths(lists, leaves)
    linear = lists.get("is_linear", "0").strip() != "0"
    if linear:
        _check_linear(lists, features)
    if leaves == 1:
        return
    _check_children(_whole(lists["left_child"]), _whole(lists["right_child"]), leaves)
    split = _whole(lists["split_feature"])
    _ensure(len(split) == leaves - 1 and _within(split, features))
    _check_categories(lists, leaves, categorical)


def _lists(text: str) -> dict[str, str]:
    """The lines up to an empty one, each once."""
    lines = text.partition("\n\n")[0].split("\n")[1:]
    if lines and not lines[-1]:
        lines.pop()
    _ensure(len(lines) <= _MOST_LINES and "\r" not in text)
    pairs = [line.partition("=") for line in lines]
    _ensure(all(equals for _, equals, _ in pairs))
    lists = {key: value for key, _, value in pairs}
    _ensure(len(lists) == len(lines))
    return lists


def _check_lengths(lists: dict[str, str], leaves: int) -> None:
    _ensure(len(_real(lists["leaf_value"])) == leaves)
    if leaves == 1:
        return
    _ensure(all(name in lists for name in _NEEDED))
    for names, count in ((_LEAVES, leaves), (_NODES, leaves - 1)):
        _ensure(all(len(_real(lists[name])) == count for name in names if name in lists))


def _check_children(left: _Whole, right: _Whole, leaves: int) -> None:
    """Each node but the first, and each leaf, is the child of one."""
    _ensure(len(left) == len(right) == leaves - 1)
    children = np.sort(np.concatenate([left, right]))
    _ensure(bool(np.array_equal(children, np.concatenate([np.arange(-leaves, 0), np.arange(1, leaves - 1)]))))


def _check_categories(lists: dict[str, str], leaves: int, categorical: int) -> None:
    """Nodes that ask for categories, and the bits that say which."""
    kinds = _whole(lists["decision_type"]) if "decision_type" in lists else np.zeros(leaves - 1, np.int64)
    asked = _real(lists["threshold"])[(kinds & _CATEGORICAL) != 0]
    _ensure(bool(np.all((asked >= 0) & (asked < categorical))))
    if categorical:
        bounds = _whole(lists["cat_boundaries"])
        _ensure(len(bounds) == categorical + 1 and bounds[0] >= 0 and bool(np.all(np.diff(bounds) >= 0)))
        _ensure(len(_real(lists["cat_threshold"])) == bounds[-1])


def _check_linear(lists: dict[str, str], features: int) -> None:
    """The inputs that each leaf of a linear tree weighs."""
    counts, used = _whole(lists["num_features"]), _whole(lists["leaf_features"])
    _ensure(bool(np.all(counts >= 0)) and len(used) == counts.sum() == len(_real(lists["leaf_coeff"])))
    _ensure(_within(used, features))


def _within(numbers: _Whole, end: int) -> bool:
    return bool(np.all((numbers >= 0) & (numbers < end)))


def _whole(text: str) -> _Whole:
    return np.array(text.split(), np.int64)


def _real(text: str) -> npt.NDArray[np.float64]:
    return np.array(text.split(), np.float64)


def _ensure(holds: bool) -> None:  # noqa: FBT001 - as `assert` takes it
    """Raises: NoTree."""
    if not holds:
        raise NoTree("a list of the tree is too long, too short, or points elsewhere")
