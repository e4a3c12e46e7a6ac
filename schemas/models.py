"""Models and their versions."""

from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from schemas.event import Event, Kind, Wire
from schemas.ids import AliasName, ModelId, ModelVersion, RequestId, Subject
from schemas.lists import Distinct
from schemas.scalars import JsonObject, Labels, Line, LongLine, Ordinal, Text, UtcTime
from schemas.signature import Signature
from schemas.topics import MODEL_EVENTS, MODEL_REQUESTS
from schemas.values import (
    AliasScope,
    Artifact,
    ArtifactRef,
    Brands,
    ErrorInfo,
    Function,
    Markets,
    ModelFormat,
    Reason,
    Task,
)

Name = Annotated[Line, Field(description="The model's name, for people.")]
Description = Annotated[Text, Field(description="What the model is for.")]
Owner = Annotated[Line, Field(description="The team that answers for the model: its name or address.")]
Tags = Annotated[Labels, Field(description="Free labels to search by.")]


class ModelVersionFields(Wire):
    """What is said about a model and a version, as asked for and as stored."""

    model_id: ModelId
    name: Name
    description: Description
    function: Function = Field(description="The business function that the model serves.")
    owner: Owner
    markets: Markets
    brands: Brands
    format: ModelFormat = Field(
        description="Format of the artifact; `sklearn` and `onnx` run today, the others can be registered."
    )
    task: Task | None = Field(default=None, description="What kind of answer the model gives.")
    tags: Tags | None = None
    signature: Signature | None = Field(default=None, description="Without one, the version can't be deployed.")
    entrypoint: LongLine | None = Field(default=None, description="What to call in an artifact that is code.")
    requirements: Annotated[tuple[LongLine, ...], Field(max_length=500), Distinct()] | None = Field(
        default=None,
        description="Requirement specifiers of what the artifact needs; stored with it, not installed yet.",
    )
    card: JsonObject | None = Field(default=None, description="The model card.")


class ModelRegistrationRequested(
    ModelVersionFields,
    Event,
    type="ml.ModelRegistrationRequested.v1",
    topic=MODEL_REQUESTS,
    kind=Kind.REQUEST,
    subject="model_id",
):
    """Register a model, or the next version of one that exists; its model-level fields then act as an update."""

    artifact: ArtifactRef = Field(description="The version's bytes.")


class VersionPromotionRequested(
    Event, type="ml.VersionPromotionRequested.v1", topic=MODEL_REQUESTS, kind=Kind.REQUEST, subject="model_id"
):
    """Point an alias at a version, everywhere or in a scope."""

    model_id: ModelId
    version: ModelVersion
    alias: AliasName
    scope: AliasScope | None = Field(default=None, description="Where the alias is to point there.")
    expected_version: ModelVersion | None = Field(
        default=None, description="Refuse unless the alias points at this version now."
    )
    reason: Reason | None = None


class ModelUpdateRequested(
    Event, type="ml.ModelUpdateRequested.v1", topic=MODEL_REQUESTS, kind=Kind.REQUEST, subject="model_id"
):
    """Change what is said about a model; at least one field is given."""

    model_id: ModelId
    name: Name | None = None
    description: Description | None = None
    owner: Owner | None = None
    tags: Tags | None = None
    card: JsonObject | None = Field(default=None, description="The model card.")
    markets: Markets | None = None
    brands: Brands | None = None

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.model_dump(exclude={"model_id"}, exclude_none=True):
            raise PydanticCustomError("empty", "must change at least one field")
        return self


class ModelArchivalRequested(
    Event, type="ml.ModelArchivalRequested.v1", topic=MODEL_REQUESTS, kind=Kind.REQUEST, subject="model_id"
):
    """Take a version, or without one the whole model, out of use."""

    model_id: ModelId
    version: ModelVersion | None = None
    reason: Reason | None = None


class InputBinding(Wire):
    """Which of the model's own inputs a column of the signature is, as it was found when the version was registered."""

    name: Line = Field(description="The column's name.")
    known_as: Line = Field(description="What the model calls it: a rewritten name, or a place such as `#3`.")


Bindings = Annotated[
    tuple[InputBinding, ...],
    Field(max_length=5000, description="Inputs that the model itself calls something else than the signature does."),
]
InspectionRules = Annotated[Ordinal, Field(description="Revision of the rules; they get stricter as it grows.")]


class ModelRegistered(
    ModelVersionFields, Event, type="ml.ModelRegistered.v1", topic=MODEL_EVENTS, kind=Kind.FACT, subject="model_id"
):
    """A model version is in the registry and may be deployed."""

    artifact: Artifact = Field(description="The registry's own immutable copy.")
    version: ModelVersion
    bindings: Bindings | None = None
    inspected_by: InspectionRules | None = Field(
        default=None, description="Revision of the rules that the version was inspected by; absent where it wasn't."
    )
    registered_by: Subject
    registered_at: UtcTime = Field(description="When the version was stored.")
    request_id: RequestId


class ModelRegistrationMatched(
    Event, type="ml.ModelRegistrationMatched.v1", topic=MODEL_EVENTS, kind=Kind.FACT, subject="model_id"
):
    """What was to be registered already is this version."""

    model_id: ModelId
    version: ModelVersion
    request_id: RequestId


class VersionInspected(Event, type="ml.VersionInspected.v1", topic=MODEL_EVENTS, kind=Kind.FACT, subject="model_id"):
    """A version was inspected again, by the rules of now, and others have to know something else of it than before.

    It answers no request. The latest one about a version holds.
    """

    model_id: ModelId
    version: ModelVersion
    inspected_by: InspectionRules
    inspected_at: UtcTime = Field(description="When the inspection ended.")
    unfit: ErrorInfo | None = Field(
        default=None,
        description="Why it isn't run any more: what a registration would now be refused with. Absent: it is fit.",
    )
    bindings: Bindings | None = Field(default=None, description="Absent where they are as they were.")


class VersionPromoted(Event, type="ml.VersionPromoted.v1", topic=MODEL_EVENTS, kind=Kind.FACT, subject="model_id"):
    """An alias points at a version, in its scope; the narrowest scope wins."""

    model_id: ModelId
    alias: AliasName
    scope: AliasScope = Field(description="Where it points there; empty means everywhere.")
    version: ModelVersion
    previous_version: ModelVersion | None = Field(default=None, description="What it pointed at in this scope before.")
    promoted_by: Subject
    request_id: RequestId


class ModelChanges(Wire):
    """Fields of a model that changed, with their new values."""

    name: Name | None = None
    description: Description | None = None
    function: Function | None = Field(default=None, description="The business function that the model serves.")
    owner: Owner | None = None
    markets: Markets | None = None
    brands: Brands | None = None
    task: Task | None = Field(default=None, description="What kind of answer the model gives.")
    tags: Tags | None = None
    card: JsonObject | None = Field(default=None, description="The model card.")


class ModelUpdated(Event, type="ml.ModelUpdated.v1", topic=MODEL_EVENTS, kind=Kind.FACT, subject="model_id"):
    """What is said about a model has changed."""

    model_id: ModelId
    changes: ModelChanges = Field(description="New values of the fields that changed.")
    updated_by: Subject
    request_id: RequestId


class ModelArchived(Event, type="ml.ModelArchived.v1", topic=MODEL_EVENTS, kind=Kind.FACT, subject="model_id"):
    """A version, or without one the whole model, is out of use."""

    model_id: ModelId
    version: ModelVersion | None = None
    archived_by: Subject
    request_id: RequestId


def version_of(fact: Event) -> str | None:
    """The number of the version that a fact is about, if it says something of one that stays with it."""
    if isinstance(fact, ModelRegistered | ModelArchived | VersionInspected) and fact.version:
        return str(fact.version)
    return None
