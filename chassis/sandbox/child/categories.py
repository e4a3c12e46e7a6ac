"""Categories that a model's file holds: a value is looked up as what it is, never taken for its place in a list."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa

from .binding import ModelUnsupported, SignatureMismatch
from .compute import pc
from .conversion import Column

_NUMBERS: Final = frozenset({"integer", "long", "float", "double"})
_WHOLE_IN_DOUBLE: Final = 2**53


class UnseenCategory(Exception):
    """A row holds a category that the model wasn't trained with."""


@dataclass(frozen=True)
class Categories:
    """A column's categories in the model's order and the signature's type."""

    column: str
    values: pa.Array
    refuse_unseen: bool = False
    """As XGBoost does; to LightGBM a category that it doesn't know is a missing one."""

    def places(self, column: pa.Array) -> pa.Array:
        """Each value's place among the categories; null where it is missing or isn't among them.

        Raises:
            UnseenCategory: it isn't among them, and that is refused.
        """
        plain = _plain(column)
        places = pc.index_in(plain, value_set=self.values)
        if self.refuse_unseen and pc.any(pc.and_(pc.is_null(places), pc.is_valid(plain))).as_py():
            raise UnseenCategory(
                f"{self.column} holds a category that the model was not trained with:"
                " train it anew, or send such rows as null or as a category that it knows"
            )
        return places


def categories_of(column: Column, values: Sequence[Any], *, refuse_unseen: bool = False) -> Categories:
    """The categories `values` of an input that the signature declares as `column`.

    Raises:
        SignatureMismatch: the signature's type can't hold them; the text says which can.
        ModelUnsupported: they are of several types, or of none that a signature has.
    """
    kind = kind_of(values)
    if kind is None:
        raise ModelUnsupported(
            f"the categories of {column.name} are neither all texts, nor all numbers, nor all booleans:"
            " make them one of these and train anew"
        )
    held = None
    if not values or column.type == kind or {column.type, kind} <= _NUMBERS:
        held = _exact(values, column.arrow_type)
    if held is None:
        raise SignatureMismatch(
            f"the model's categories of {column.name} are of type {kind}, and the signature says {column.type}:"
            f" declare it {kind}"
        )
    return Categories(column.name, _plain(held), refuse_unseen)


def kind_of(values: Sequence[Any]) -> str | None:
    """The signature's type that holds all of them: string, boolean, long or double; None: there is none."""
    kinds = {type(value) for value in values}
    if kinds <= {str}:
        return "string"
    if kinds == {bool}:
        return "boolean"
    if kinds == {int} and all(-(1 << 63) <= value < 1 << 63 for value in values):
        return "long"
    if kinds <= {int, float} and all(abs(value) <= _WHOLE_IN_DOUBLE for value in values if type(value) is int):
        return "double"
    return None


def _exact(values: Sequence[Any], target: pa.DataType) -> pa.Array | None:
    """`values` in that type; None where it would change one of them."""
    try:
        held = pa.array(list(values)).cast(target) if values else pa.array([], target)
    except (pa.ArrowException, ValueError):
        return None
    return held if held.to_pylist() == list(values) else None


def _plain(values: pa.Array) -> pa.Array:
    """NaN as null, and -0.0 as 0.0: no two of a number."""
    if not pa.types.is_floating(values.type):
        return values
    unsigned = pc.add(values, pa.scalar(0, values.type))
    return pc.if_else(pc.is_nan(unsigned), pa.scalar(None, values.type), unsigned)
