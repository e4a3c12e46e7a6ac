"""Values that several messages share."""

from functools import cache
from typing import Annotated, Final, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from schemas.event import Wire
from schemas.ids import Brand, ErrorCode
from schemas.lists import Distinct, NotEmpty
from schemas.scalars import Count, Line, LongLine, Matches, Sha256, Text
from schemas.uris import IncomingUri, InputUri, ModelUri, ResultUri

Function = Literal["r-and-d", "marketing", "supply-chain", "sales", "human-resources", "finance", "other"]
Task = Literal["regression", "classification", "forecasting", "ranking", "clustering", "other"]
ModelFormat = Literal["sklearn", "onnx", "xgboost", "lightgbm", "mlflow", "spark-ml", "python", "r", "jar"]
DataFormat = Literal["parquet", "csv"]
Trigger = Literal["manual", "schedule", "dependency", "event", "backfill"]
ExecutionStatus = Literal["succeeded", "failed", "cancelled", "timed_out"]
Resources = Literal["small", "medium", "large"]
Scheduling = Literal["none", "pending", "active"]
DeploymentAction = Literal["pause", "resume", "retire"]

RUNNABLE_FORMATS: Final[frozenset[str]] = frozenset({"sklearn", "onnx", "xgboost", "lightgbm", "mlflow", "python"})
"""The model formats that the executor has a scorer for: the others can be registered, and not yet be deployed."""

ALL_MARKETS: Final = "*"
Country = Annotated[
    str,
    Matches(r"^[A-Z]{2}$", "must be an ISO 3166-1 alpha-2 code, such as FR"),
    Field(description="A country: ISO 3166-1 alpha-2."),
]
Market = Annotated[
    str,
    Matches(r"^([A-Z]{2}|\*)$", "must be an ISO 3166-1 alpha-2 code, such as FR, or *"),
    Field(description="A country (ISO 3166-1 alpha-2), or `*` for all."),
]
Reason = Annotated[LongLine, Field(description="Why, in the words of whoever asked.")]


def _all_alone(markets: tuple[str, ...]) -> tuple[str, ...]:
    if ALL_MARKETS in markets and len(markets) > 1:
        raise PydanticCustomError("markets", "must be either countries or * alone")
    return markets


Markets = Annotated[
    tuple[Market, ...],
    Field(max_length=300, description="Countries (ISO 3166-1 alpha-2), or `*` alone for all."),
    NotEmpty(),
    Distinct(),
    AfterValidator(_all_alone),
]
Brands = Annotated[tuple[Brand, ...], Field(max_length=1000, description="Brands; none means all."), Distinct()]


class AliasScope(Wire):
    """Where an alias holds; neither given means everywhere, and the narrowest scope wins."""

    market: Country | None = None
    brand: Brand | None = None


class ArtifactRef(Wire):
    """Where a model's bytes were put for the registry to take."""

    uri: IncomingUri = Field(description="An object or a prefix under `s3://models/incoming/`.")
    sha256: Sha256 | None = Field(default=None, description="What the bytes must hash to.")


class Artifact(Wire):
    """The registry's own immutable copy of a model's bytes."""

    uri: ModelUri = Field(description="An object or a prefix under `s3://models/sha256/<digest>/`.")
    sha256: Sha256 = Field(
        description="Digest of the object; of a directory: over its sorted lines `path\\0size\\0sha256\\n`."
    )
    size_bytes: Count = Field(description="Size of all of it.")


class InputRef(Wire):
    """What is scored."""

    uri: InputUri = Field(
        description="An object or a prefix under `s3://datasets/`; `{{ ds }}` stands for the logical date."
    )
    format: DataFormat = Field(description="Format of the objects.")


class OutputRef(Wire):
    """What an execution left; readers follow the manifest and never list."""

    uri: ResultUri = Field(description="The prefix of the attempt that finished.")
    manifest_uri: ResultUri = Field(description="The manifest, which names every part.")
    manifest_sha256: Sha256 = Field(description="Digest of the manifest.")


class ErrorInfo(Wire):
    """Why something failed."""

    code: ErrorCode
    message: Text = Field(description="For people.")


_CRON_FIELD: Final = r"[0-9A-Za-z*/,#?-]+"


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _known_zone(name: str) -> str:
    if name not in _time_zones():
        raise PydanticCustomError("timezone", "must be an IANA time zone, such as Europe/Paris")
    return name


class Schedule(Wire):
    """When a deployment runs by itself."""

    cron: Annotated[
        str,
        StringConstraints(max_length=100),
        Matches(rf"^{_CRON_FIELD}( {_CRON_FIELD}){{4}}$", "must be five cron fields, such as 0 6 * * 1"),
    ] = Field(description="Minute, hour, day of month, month, day of week.")
    timezone: Annotated[Line, AfterValidator(_known_zone)] = Field(
        description="IANA time zone that the cron expression is read in."
    )
