"""Why an input can't be scored with a model, by what is registered of it: the same codes wherever an input is named."""

from collections.abc import Sequence
from typing import ClassVar, Final

from schemas.refusals import Violation

_NAMED: Final = 5


class InputUnfit(Exception):
    """An input that can't be granted. `str()` of it is for people."""

    code: ClassVar[str]
    field: ClassVar[str] = ""

    def __init__(self, message: str, *, violations: Sequence[Violation] = ()) -> None:
        super().__init__(message)
        self.violations = tuple(violations) or (Violation(field=self.field, message=message),)


class DatasetUnknown(InputUnfit):
    code = "dataset-unknown"
    field = "input.uri"


class FormatMismatch(InputUnfit):
    code = "format-mismatch"
    field = "input.format"


class ColumnMissing(InputUnfit):
    code = "column-missing"


class ColumnOfWrongType(InputUnfit):
    code = "column-type"


class ColumnConflict(InputUnfit):
    """A column would be both kept and predicted."""

    code = "column-conflict"


def columns_named(names: Sequence[str]) -> str:
    """`column a`, or `columns a, b`; of many the first few."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"column{'s' if len(names) > 1 else ''} {', '.join(names[:_NAMED])}{more}"
