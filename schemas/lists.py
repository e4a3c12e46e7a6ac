"""What lists promise beyond their items; looked at once the items are right."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema


@dataclass(frozen=True)
class NotEmpty:
    """At least one item."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), "minItems": 1}

    @staticmethod
    def _check(values: tuple[object, ...]) -> tuple[object, ...]:
        if not values:
            raise PydanticCustomError("empty", "must not be empty")
        return values


@dataclass(frozen=True)
class Distinct:
    """No item twice."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), "uniqueItems": True}

    @staticmethod
    def _check(values: tuple[Hashable, ...]) -> tuple[Hashable, ...]:
        if len(set(values)) < len(values):
            raise PydanticCustomError("distinct", "must not name anything twice")
        return values
