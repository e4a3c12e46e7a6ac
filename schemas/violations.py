"""What is wrong with a field, in words that don't change with the validator's."""

from typing import Final

from pydantic_core import ErrorDetails

from schemas.refusals import Violation

_MAX_FIELD_LENGTH: Final = 200
_MAX_MESSAGE_LENGTH: Final = 500

_MESSAGES: Final = {
    "missing": "is required",
    "bool_type": "must be true or false",
    "dict_type": "must be an object",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "int_type": "must be a whole number",
    "model_type": "must be an object",
    "string_type": "must be a string",
    "string_unicode": "must be a string of Unicode characters",
    "tuple_type": "must be a list",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be one of {expected}",
    "string_too_long": "must have at most {max_length} characters",
    "string_too_short": "must have at least {min_length} characters",
    "too_long": "must have at most {max_length} entries",
}


def violation(details: ErrorDetails) -> Violation:
    """One of a validation's errors as a field and a message, both of bounded length."""
    context = details.get("ctx", {})
    path = [str(part) for part in details["loc"]]
    if isinstance(field := context.get("field"), str):
        path.append(field)
    template = _MESSAGES.get(details["type"])
    message = details["msg"] if template is None else template.format_map(context)
    return Violation(field=".".join(path)[:_MAX_FIELD_LENGTH], message=message[:_MAX_MESSAGE_LENGTH])
