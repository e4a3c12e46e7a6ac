"""Columns as facts have them."""

from collections.abc import Sequence

from chassis.sandbox.child.described import Described
from schemas.datasets import DatasetColumn


def columns(found: Sequence[Described]) -> tuple[DatasetColumn, ...]:
    """The columns in order.

    Raises:
        ValueError: a column has no name that a message can carry.
    """
    return tuple(DatasetColumn(name=each.name, type=each.type, nullable=each.nullable) for each in found)
