"""A numeric model's inputs: the signature's columns in the model's order, categories as their places."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy.typing as npt
import pyarrow as pa

from .binding import Binding, SignatureMismatch
from .categories import Categories
from .conversion import Column
from .frames import to_matrix

_NUMBERS: Final = frozenset({"boolean", "integer", "long", "float", "double"})


class NumericInputs:
    """Args: `categories` by the place of an input in the model.

    Raises:
        SignatureMismatch: an input is no number in the signature, and the model knows no categories of it.
    """

    def __init__(
        self, binding: Binding, columns: Sequence[Column], categories: Mapping[int, Categories], *, dtype: str
    ) -> None:
        self._chosen = [(position, categories.get(place)) for place, position in enumerate(binding.positions)]
        self._dtype = dtype
        for position, known in self._chosen:
            column = columns[position]
            if known is None and column.type not in _NUMBERS:
                raise SignatureMismatch(
                    f"{column.name} is of type {column.type} in the signature, and the model takes it as a number and"
                    f" holds no categories of it: {_cure(column)}"
                )

    def matrix(self, columns: Sequence[pa.Array]) -> npt.NDArray[Any]:
        """Shape (rows, inputs), in rows; what is missing is NaN. Raises: UnseenCategory."""
        given = [columns[at] if known is None else known.places(columns[at]) for at, known in self._chosen]
        return to_matrix(given, self._dtype, order="C")


def _cure(column: Column) -> str:
    if column.type == "string":
        return "declare it a number, or train with a library that writes categories into its file"
    return "declare it a number, and train with numbers"
