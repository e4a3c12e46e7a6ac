"""A model's signature: the columns it takes and gives, and its parameters, in MLflow's type names."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final, Literal, Self, get_args

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from schemas.event import Wire
from schemas.scalars import Flag, Label, Line, ParamValue, Scalar

ColumnType = Literal["boolean", "integer", "long", "float", "double", "string", "binary", "datetime"]
COLUMN_TYPES: Final[tuple[str, ...]] = get_args(ColumnType)
_WHOLE: Final = {"integer": 2**31, "long": 2**63}


def _is_time(value: str) -> bool:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def _accepts(kind: ColumnType, value: Scalar) -> bool:
    match kind:
        case "boolean":
            return isinstance(value, bool)
        case "integer" | "long":
            return type(value) is int and -_WHOLE[kind] <= value < _WHOLE[kind]
        case "float" | "double":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "datetime":
            return isinstance(value, str) and _is_time(value)
        case "string" | "binary":
            return isinstance(value, str)


class SignatureField(Wire):
    """A column."""

    name: Line = Field(description="The column's name.")
    type: ColumnType = Field(description="MLflow's name of its type.")
    required: Flag = Field(description="Whether a row without a value in it is rejected.")


class ParamField(Wire):
    """A parameter; one that is required and has no default must be given by the deployment or the execution."""

    name: Label = Field(description="The parameter's name.")
    type: ColumnType = Field(description="MLflow's name of its type; a list holds values of this type.")
    required: Flag = Field(default=False, description="Whether it needs a value.")
    default: ParamValue | None = Field(default=None, description="Its value where none is given.")

    def accepts(self, value: ParamValue) -> bool:
        """Whether `value`, or each of its parts, is of this parameter's type."""
        return all(_accepts(self.type, part) for part in (value if isinstance(value, list) else [value]))

    @model_validator(mode="after")
    def _default_fits(self) -> Self:
        if self.default is not None and not self.accepts(self.default):
            raise PydanticCustomError("default", "must be of type {type}", {"type": self.type, "field": "default"})
        return self


def _check_names(field: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise PydanticCustomError("distinct", "must not name anything twice", {"field": field})
        seen.add(name)


class Signature(Wire):
    """What goes into a model and what comes out."""

    inputs: tuple[SignatureField, ...] = Field(max_length=5000, description="Columns that the model takes.")
    outputs: tuple[SignatureField, ...] = Field(
        max_length=5000, description="Columns that it gives; none means `prediction`."
    )
    params: tuple[ParamField, ...] = Field(max_length=200, description="Parameters that it takes.")

    @model_validator(mode="after")
    def _names_are_distinct(self) -> Self:
        _check_names("inputs", (field.name for field in self.inputs))
        _check_names("outputs", (field.name for field in self.outputs))
        _check_names("params", (field.name for field in self.params))
        return self
