"""Which columns of a data set can become which inputs of a model."""

from typing import Final

from schemas.signature import ColumnType

_FAMILIES: Final = {
    "boolean": ("bool",),
    "integer": ("int", "uint", "long"),
    "number": ("float", "double", "halffloat", "decimal"),
    "string": ("string", "large_string"),
    "binary": ("binary", "large_binary", "fixed_size_binary"),
    "datetime": ("datetime", "date32", "date64", "timestamp"),
}
"""Families by how their types' names begin: MLflow's, and Arrow's own."""
_NOTHING: Final = "null"
_OPEN: Final = ("binary", "large_binary")
"""Writers of old didn't say whether bytes of any length are text."""


def converts(source: str, target: ColumnType, *, text: bool) -> bool:
    """Whether values of a column of type `source` can be values of `target`; each row is looked at when it is scored.

    `text`: the files hold text, and `source` is no more than what their beginning looks like.
    """
    if source == _NOTHING:
        return True
    have, want = _family(source), _family(target)
    if have is None:
        return False
    if have == want or {have, want} == {"integer", "number"}:
        return True
    if want == "string" and source.startswith(_OPEN):
        return True
    return text and (have == "string" or want in {"string", "binary"} or (have, want) == ("integer", "boolean"))


def _family(name: str) -> str | None:
    return next((family for family, heads in _FAMILIES.items() if name.startswith(heads)), None)
