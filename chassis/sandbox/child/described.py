"""Columns of a data set, as they are told to those who decide whether a model can read them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass


class SchemaUnreadable(ValueError):
    """The object isn't what it is said to be, or its columns can't be used; `str()` of it follows the object's name."""


class SchemasDiffer(ValueError):
    """Objects aren't of one data set; `str()` of it says why."""


class SchemaUnfit(ValueError):
    """What objects are called makes them no data set; `str()` of it says which and why."""


@dataclass(frozen=True)
class Described:
    """`type` is a signature's, or Arrow's own where signatures have none; `nullable` is None where files don't say.

    `folder`: folders say its values, as texts.
    """

    name: str
    type: str
    nullable: bool | None
    folder: bool = False


def ensure_usable(names: Sequence[str]) -> None:
    """Raises `SchemaUnreadable`: there are no columns, or one has no name, or that of another one."""
    if not names:
        raise SchemaUnreadable("it has no columns")
    for position, name in enumerate(names, 1):
        if not name:
            raise SchemaUnreadable(f"its column {position} has no name (an index, perhaps): name it or leave it out")
    doubled = [name for name, count in Counter(names).items() if count > 1]
    if doubled:
        raise SchemaUnreadable(f"it has the column {doubled[0]} more than once")
