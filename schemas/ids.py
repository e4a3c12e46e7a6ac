"""Names of aggregates, and of the people and requests behind them."""

from typing import Annotated, Final

from pydantic import Field, StringConstraints

from schemas.scalars import Label, Line, Matches, Ordinal

_SLUG: Final = Matches(
    r"^[a-z][a-z0-9-]{1,62}$", "must be 2 to 63 lower-case letters, digits or hyphens, beginning with a letter"
)
_UUID: Final = Matches(
    r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$", "must be a UUID in lower case"
)

ModelId = Annotated[str, _SLUG, Field(description="The model.")]
DeploymentId = Annotated[str, _SLUG, Field(description="The deployment.")]
DatasetId = Annotated[str, _SLUG, Field(description="The data set.")]
ExecutionId = Annotated[str, _UUID, Field(description="The execution; chosen by whoever asks for it.")]
SeriesId = Annotated[Line, Field(description="The time series.")]

ModelVersion = Annotated[Ordinal, Field(description="Version of the model; counts from 1 within the model.")]
Revision = Annotated[Ordinal, Field(description="Revision of the deployment; counts from 1 within the deployment.")]

RequestId = Annotated[
    str,
    StringConstraints(min_length=1, max_length=255),
    Field(description="`ce_id` of the request that this answers."),
]
Subject = Annotated[
    str,
    StringConstraints(min_length=1, max_length=255),
    Field(description="Who did it: the opaque subject of their token, never a name or an address."),
]
Brand = Annotated[Label, Field(description="A brand's name.")]
AliasName = Annotated[
    str,
    Matches(
        r"^[a-z][a-z0-9-]{0,62}$", "must be 1 to 63 lower-case letters, digits or hyphens, beginning with a letter"
    ),
    Field(description="A movable name for a version, such as `champion`."),
]
ErrorCode = Annotated[
    str,
    Matches(r"^[a-z][a-z0-9-]{0,99}$", "must be a code of lower-case letters, digits and hyphens"),
    Field(description="Stable code of the error."),
]
MetricName = Annotated[
    str,
    Matches(
        r"^[A-Za-z][A-Za-z0-9_.:-]{0,99}$",
        "must be 1 to 100 letters, digits, dots, colons, hyphens or underscores, beginning with a letter",
    ),
    Field(description="The metric's name, with its unit where it has one."),
]
