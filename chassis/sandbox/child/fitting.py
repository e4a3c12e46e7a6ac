"""Rows whose values are the signature's and that the model can't hold: set aside, as those that can't be converted."""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .conversion import Rejections

Mask = npt.NDArray[np.bool_]


@runtime_checkable
class Choosy(Protocol):
    """A model whose inputs are narrower than the signature's types."""

    def unfit(self, columns: Sequence[pa.Array]) -> Iterable[tuple[str, Mask, str]]:
        """Columns that hold what the model can't, with a mask of their rows and the reason."""
        ...


def reject_unfit(
    model: Any, columns: list[pa.Array], kept: Mask | None, *, first_row: int, rejections: Rejections
) -> tuple[list[pa.Array], Mask | None]:
    """Leave out the rows that the model can't hold.

    Args:
        model: any; one that isn't choosy takes all rows.
        columns: as `convert_rows` gives them, with `kept`.
        kept: the mask of the batch's rows that are in them (None: all).
        first_row: number of the batch's first row, for `rejections`.
        rejections: where rejected rows are added.

    Returns:
        The columns, and the mask of the batch's rows that are in them (None: all).
    """
    if not isinstance(model, Choosy) or not columns:
        return columns, kept
    places = np.arange(len(columns[0])) if kept is None else np.flatnonzero(kept)
    bad = np.zeros(len(places), dtype=np.bool_)
    for name, mask, reason in model.unfit(columns):
        rejections.add((places[mask & ~bad] + first_row).astype(np.int64), name, reason)
        bad |= mask
    if not bad.any():
        return columns, kept
    left = np.zeros(len(places) if kept is None else len(kept), dtype=np.bool_)
    left[places[~bad]] = True
    return [values.filter(pa.array(~bad)) for values in columns], left
