"""What one of a data set's objects says about itself."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pyarrow as pa

Read = Callable[[int, int], Awaitable[bytes]]
"""`(offset, length)` -> bytes; reads inside the object only."""


class Unreadable(ValueError):
    """The object isn't what it is said to be; `str()` of it follows its name."""


@dataclass(frozen=True)
class Part:
    """An object's columns, and its rows where it says how many they are."""

    schema: pa.Schema
    rows: int | None
