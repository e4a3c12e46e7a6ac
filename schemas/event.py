"""What every message on the bus is: a frozen model that says its type, its topic and its subject."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any, ClassVar, Final

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

    Subclasses name their `ce_type`, the topics they travel on, their kind and the field that is subject and record key:
    `class ModelRegistered(Event, type="ml.ModelRegistered.v1", topic=MODEL_EVENTS, kind=Kind.FACT, subject="model_id")`.
    """

    event_type: ClassVar[str]
    topics: ClassVar[tuple[Topic, ...]]
    kind: ClassVar[Kind]
    subject_field: ClassVar[str]

    @classmethod
    def __pydantic_init_subclass__(
        cls, *, type: str, topic: Topic | tuple[Topic, ...], kind: Kind, subject: str, **kwargs: Any
    ) -> None:
        super().__pydantic_init_subclass__(**kwargs)
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

    def to_json(self) -> bytes:
        """The record's value: only what the schema has, absent optional fields left out."""
        return self.model_dump_json(exclude_none=True, by_alias=True).encode()
