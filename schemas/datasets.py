"""Data sets: prefixes of the bucket `datasets` that inputs must lie under."""

from pydantic import ConfigDict, Field

from schemas.event import Event, Kind, Wire
from schemas.ids import DatasetId, RequestId, Subject
from schemas.scalars import Count, Flag, Line, Text, UtcTime
from schemas.topics import DATASET_EVENTS, DATASET_REQUESTS
from schemas.uris import DatasetUri
from schemas.values import Brands, DataFormat, Function, Markets


class DatasetFields(Wire):
    """What is said about a data set, as asked for and as stored."""

    dataset_id: DatasetId
    name: Line = Field(description="The data set's name, for people.")
    uri: DatasetUri = Field(description="An object or a prefix under `s3://datasets/`.")
    format: DataFormat = Field(description="Format of the objects.")
    markets: Markets
    brands: Brands
    function: Function | None = Field(default=None, description="The business function that the data belong to.")
    description: Text | None = Field(default=None, description="What the data are.")


class DatasetRegistrationRequested(
    DatasetFields,
    Event,
    type="ml.DatasetRegistrationRequested.v1",
    topic=DATASET_REQUESTS,
    kind=Kind.REQUEST,
    subject="dataset_id",
):
    """Register a data set, or change what is said about one."""


class DatasetRetirementRequested(
    Event, type="ml.DatasetRetirementRequested.v1", topic=DATASET_REQUESTS, kind=Kind.REQUEST, subject="dataset_id"
):
    """Take a data set out of use."""

    dataset_id: DatasetId


class DatasetColumn(Wire):
    """A column as the files have it."""

    name: Line = Field(description="The column's name.")
    type: Line = Field(
        description="MLflow's name of its type, or Arrow's where MLflow has none, such as `list<item: int64>`."
    )
    nullable: Flag | None = Field(default=None, description="Whether the files allow nulls in it.")
    folder: Flag | None = Field(
        default=None,
        description="Whether folders such as `month=01` say its values: texts, read as the type that a model takes.",
    )


class DatasetRegistered(
    DatasetFields, Event, type="ml.DatasetRegistered.v1", topic=DATASET_EVENTS, kind=Kind.FACT, subject="dataset_id"
):
    """A data set is registered, with its schema as read from the files."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)

    columns: tuple[DatasetColumn, ...] = Field(alias="schema", description="Its columns, in order.")
    objects: Count = Field(description="How many objects it holds.")
    rows: Count | None = Field(default=None, description="How many rows, where the files say.")
    size_bytes: Count = Field(description="Size of all objects.")
    registered_by: Subject | None = None
    registered_at: UtcTime | None = Field(default=None, description="When it was stored.")
    request_id: RequestId


class DatasetRetired(Event, type="ml.DatasetRetired.v1", topic=DATASET_EVENTS, kind=Kind.FACT, subject="dataset_id"):
    """A data set is out of use."""

    dataset_id: DatasetId
    retired_by: Subject | None = None
    request_id: RequestId
