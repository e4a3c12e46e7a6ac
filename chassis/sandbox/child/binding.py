"""Which column of the signature each of a model's inputs is: the column of that very name, or a model is refused."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

_SHOWN: Final = 5
_MADE_UP: Final = ("f", "Column_", "x", "feature_")


class SignatureMismatch(Exception):
    """What the model needs isn't what its signature says; the text names both, and what to change."""


class ModelUnsupported(Exception):
    """A model that can't be scored rightly here, whatever its signature; the text says why, and what to do instead."""


@dataclass(frozen=True)
class Binding:
    """A model's inputs in the model's own order.

    `positions` are places in the signature's inputs. `known_as` are the columns that the model calls something else,
    with what it calls them: a name that its library has rewritten, or a place (`#3`) where it knows no names.
    """

    positions: tuple[int, ...]
    known_as: tuple[tuple[str, str], ...] = ()


def bind(
    columns: Sequence[str],
    names: Sequence[str] | None,
    count: int | None,
    *,
    rewritten: Callable[[str], str] | None = None,
) -> Binding:
    """Find each of the model's inputs among the signature's.

    Args:
        columns: the signature's inputs.
        names: the model's, in its order; None where it knows no names.
        count: how many it has, None where it doesn't say.
        rewritten: what the model's library makes of a column's name, where it doesn't keep it as it is.

    Raises:
        SignatureMismatch: an input is missing or ambiguous, or the signature has another number of columns than a model
            that goes by place.
        ModelUnsupported: two inputs have one name.
    """
    known_as = rewritten or str
    if names is None or _are_places(names, {known_as(column) for column in columns}):
        return _by_place(columns, count if names is None else len(names))
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        raise ModelUnsupported(f"two inputs of the model are called {twice[0]}: rename one and train anew")
    return _by_name(columns, names, known_as)


def _by_place(columns: Sequence[str], count: int | None) -> Binding:
    if count is not None and count != len(columns):
        raise SignatureMismatch(
            f"the model goes by the places of its inputs: it requires {count} and the signature has {len(columns)}"
        )
    places = tuple(range(len(columns)))
    return Binding(places, tuple((column, f"#{place + 1}") for column, place in zip(columns, places, strict=True)))


def _by_name(columns: Sequence[str], names: Sequence[str], rewritten: Callable[[str], str]) -> Binding:
    candidates = defaultdict[str, list[int]](list)
    for position, column in enumerate(columns):
        candidates[rewritten(column)].append(position)
    missing = [name for name in names if name not in candidates]
    if missing:
        raise SignatureMismatch(f"the model requires {_listed(missing)}, which the signature doesn't have")
    for name in names:
        if len(candidates[name]) > 1:
            both = _listed([columns[position] for position in candidates[name]])
            raise SignatureMismatch(f"the model's input {name} may be any of {both}: rename all but one and train anew")
    positions = tuple(candidates[name][0] for name in names)
    told = ((columns[position], name) for position, name in zip(positions, names, strict=True))
    return Binding(positions, tuple((column, name) for column, name in told if column != name))


def _are_places(names: Sequence[str], columns: set[str]) -> bool:
    """Whether a library made the names up because it was given none: f0, Column_0, x0; and no column is called so."""
    if columns & set(names):
        return False
    return any(list(names) == [f"{prefix}{number}" for number in range(len(names))] for prefix in _MADE_UP)


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more"
