"""What every message on the bus is: a frozen model that says its type, its topic and its subject."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import ClassVar, Final

from pydantic import BaseModel, ConfigDict

from schemas.topics import Topic

_CATALOGUE: dict[str, type["Event"]] = {}
CATALOGUE: Final[Mapping[str, type["Event"]]] = MappingProxyType(_CATALOGUE)
"""All event classes by `ce_type`, once `schemas.catalogue` has been imported."""


class Kind(StrEnum):
    """What a message asks of its reader."""

    REQUEST = "request"
    FACT = "fact"
    REFUSAL = "refusal"
    OBSERVATION = "observation"
    PROGRESS = "progress"


class Wire(BaseModel):
    """A part of a message: frozen, and blind to fields it doesn't know."""

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_inf_nan="null", allow_inf_nan=False)


class Event(Wire):
    """A message of the catalogue.

    A subclass names its `ce_type`, its topic or topics, its kind, and the field that is subject and record key.
    """

    event_type: ClassVar[str]
    topics: ClassVar[tuple[Topic, ...]]
    kind: ClassVar[Kind]
    subject_field: ClassVar[str]

    def __init_subclass__(
        cls,
        *,
        type: str,  # noqa: A002 - the attribute's own name in CloudEvents
        topic: Topic | tuple[Topic, ...],
        kind: Kind,
        subject: str,
    ) -> None:
        super().__init_subclass__()
        cls.event_type = type
        cls.topics = topic if isinstance(topic, tuple) else (topic,)
        cls.kind = kind
        cls.subject_field = subject
        if type in _CATALOGUE:
            raise TypeError(f"{type} is declared twice")
        _CATALOGUE[type] = cls

    @property
    def subject(self) -> str:
        """The aggregate's id (a refusal's: the request's): `ce_subject` and record key."""
        return str(getattr(self, self.subject_field))

    def violations_on(self, topic: Topic) -> Mapping[str, str]:
        """What forbids this message on `topic`, by field: messages for people."""
        return {} if topic in self.topics else {"": f"{self.event_type} does not belong on {topic.name}"}

    def to_json(self) -> bytes:
        """The record's value: only what the schema has, absent optional fields left out."""
        return self.model_dump_json(exclude_none=True, by_alias=True).encode()
