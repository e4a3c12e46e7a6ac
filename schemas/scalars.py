"""The single values that messages are made of: text, numbers, times, JSON. Nothing is coerced but ISO times."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    JsonValue,
    PlainSerializer,
    PlainValidator,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

SAFE_INTEGER: Final = 2**53 - 1
"""The largest whole number that every JSON implementation keeps (RFC 8259 §6)."""
JSON_MAX_DEPTH: Final = 16


@dataclass(frozen=True)
class Matches:
    """The whole string matches `pattern`; `message` says so to people, the JSON Schema to machines."""

    pattern: str
    message: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        compiled = re.compile(self.pattern)

        def check(value: str) -> str:
            if compiled.fullmatch(value) is None:
                raise PydanticCustomError("pattern", "{message}", {"message": self.message})
            return value

        return core_schema.no_info_after_validator_function(check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), "pattern": self.pattern}


_ONE_LINE = Matches(r"^(?=.*\S)[^\x00-\x1f\x7f]+$", "must be one line of text, not blank")

Label = Annotated[str, StringConstraints(max_length=100), _ONE_LINE]
Line = Annotated[str, StringConstraints(max_length=200), _ONE_LINE]
LongLine = Annotated[str, StringConstraints(max_length=1000), _ONE_LINE]
Text = Annotated[
    str, StringConstraints(max_length=20_000), Matches(r"^[^\x00]*$", "must not hold the character U+0000")
]

Sha256 = Annotated[str, Matches(r"^[0-9a-f]{64}$", "must be a sha256 digest: 64 lower-case hexadecimal digits")]

Flag = Annotated[bool, Field(strict=True)]
Count = Annotated[int, Field(strict=True, ge=0, le=SAFE_INTEGER)]
Ordinal = Annotated[int, Field(strict=True, ge=1, le=2**31 - 1)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Seconds = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]

_RFC3339 = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})")


def _rfc3339(value: object) -> object:
    if isinstance(value, datetime) or (isinstance(value, str) and _RFC3339.fullmatch(value)):
        return value
    raise PydanticCustomError("time", "must be an RFC 3339 time with its offset, such as 2026-11-23T06:00:00Z")


def _utc(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise PydanticCustomError("time", "must have a time zone")
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        raise PydanticCustomError("time", "must lie between the years 1 and 9999 in UTC") from error


UtcTime = Annotated[datetime, BeforeValidator(_rfc3339), AfterValidator(_utc)]


def _check_string(value: str) -> None:
    if "\x00" in value:
        raise PydanticCustomError("json", "must not hold the character U+0000")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise PydanticCustomError("json", "must not hold half of a surrogate pair") from error


def _check_scalar(value: object) -> None:
    match value:
        case None | bool():
            return
        case str():
            _check_string(value)
        case int():
            if abs(value) > SAFE_INTEGER:
                raise PydanticCustomError("json", "must not hold a whole number beyond ±(2^53 - 1)")
        case float():
            if not math.isfinite(value):
                raise PydanticCustomError("json", "must not hold a number that is not finite")
        case _:
            raise PydanticCustomError("json", "must be JSON")


def _check_json(value: object, depth: int = 0) -> None:
    if depth > JSON_MAX_DEPTH:
        raise PydanticCustomError("json", "must not be nested deeper than {limit} levels", {"limit": JSON_MAX_DEPTH})
    match value:
        case dict():
            for key, inner in value.items():
                _check_key(key)
                _check_json(inner, depth + 1)
        case list() | tuple():
            for inner in value:
                _check_json(inner, depth + 1)
        case _:
            _check_scalar(value)


def _check_key(key: object) -> None:
    if not isinstance(key, str):
        raise PydanticCustomError("json", "must have strings as names")
    _check_string(key)


def _json_object(value: object) -> Mapping[str, JsonValue]:
    if not isinstance(value, dict):
        raise PydanticCustomError("json", "must be a JSON object")
    _check_json(value)
    return value


def _param_value(value: object) -> object:
    parts: list[object] = list(value) if isinstance(value, list | tuple) else [value]
    for part in parts:
        if part is None or isinstance(part, list | tuple | dict):
            raise PydanticCustomError("param", "must be a boolean, a number, a string, or a list of these")
        _check_scalar(part)
    return value


def _as_is(value: object) -> object:
    return value


JsonObject = Annotated[
    dict[str, JsonValue], PlainValidator(_json_object), PlainSerializer(_as_is), WithJsonSchema({"type": "object"})
]

Scalar = bool | int | float | str
_SCALARS: Final = ["boolean", "number", "string"]
ParamValue = Annotated[
    Scalar | list[Scalar],
    PlainValidator(_param_value),
    PlainSerializer(_as_is),
    WithJsonSchema({"type": [*_SCALARS, "array"], "items": {"type": _SCALARS}}),
]
Params = Annotated[dict[Label, ParamValue], Field(max_length=200, description="Values for the model's parameters.")]
Labels = Annotated[dict[Label, Line], Field(max_length=50)]
