"""The catalogue: every message by its type, and the one way from JSON to an event."""

from collections.abc import Iterable
from typing import Final

from pydantic import ValidationError

from schemas import datasets, deployments, executions, models, observations, refusals
from schemas.event import CATALOGUE, Event
from schemas.refusals import Violation
from schemas.topics import Topic
from schemas.violations import violation

__all__ = ["CATALOGUE", "SchemaViolation", "UnknownEventType", "event_class", "parse"]

_ = (models, datasets, deployments, executions, observations, refusals)  # imported for what they declare

MAX_VIOLATIONS: Final = 100


class UnknownEventType(LookupError):
    """No message of the catalogue has this type."""

    code: Final = "unknown-type"
    retryable: Final = False


class SchemaViolation(ValueError):
    """JSON that is not what its type says; `violations` names at most `MAX_VIOLATIONS` fields."""

    code: Final = "schema-invalid"
    retryable: Final = False

    def __init__(self, violations: Iterable[Violation]) -> None:
        self.violations: Final = tuple(violations)
        super().__init__("; ".join(f"{each.field}: {each.message}" for each in self.violations))


def event_class(ce_type: str) -> type[Event]:
    """The class of `ce_type`.

    Raises:
        UnknownEventType: it is not in the catalogue.
    """
    try:
        return CATALOGUE[ce_type]
    except KeyError:
        raise UnknownEventType(ce_type) from None


def parse(ce_type: str, data: object, *, topic: Topic | None = None) -> Event:
    """The event that `data`, decoded JSON, is; with `topic`, as it may stand on that topic.

    Raises:
        UnknownEventType: `ce_type` is not in the catalogue.
        SchemaViolation: `data` is not what the type says, or may not stand on `topic`.
    """
    cls = event_class(ce_type)
    try:
        event = cls.model_validate(data)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)[:MAX_VIOLATIONS]
        raise SchemaViolation(violation(each) for each in details) from None
    if topic is not None and (wrong := event.violations_on(topic)):
        raise SchemaViolation(Violation(field=field, message=message) for field, message in wrong.items())
    return event
