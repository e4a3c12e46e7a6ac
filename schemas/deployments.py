"""Deployments: a model version or alias with its input, parameters, schedule and market."""

from typing import Annotated, Final, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from schemas.event import Event, Kind, Wire
from schemas.ids import AliasName, Brand, DeploymentId, ModelId, ModelVersion, RequestId, Revision, Subject
from schemas.lists import Distinct
from schemas.scalars import Line, Params
from schemas.topics import DEPLOYMENT_EVENTS, DEPLOYMENT_REQUESTS
from schemas.values import DeploymentAction, InputRef, Market, Reason, Resources, Schedule, Scheduling

DEFAULT_RETRIES: Final = 1
DEFAULT_TIMEOUT_S: Final = 3600
MAX_TIMEOUT_S: Final = 7 * 24 * 3600


class DeploymentFields(Wire):
    """What a deployment is, as asked for and as stored."""

    deployment_id: DeploymentId
    name: Line = Field(description="The deployment's name, for people.")
    model_id: ModelId
    version: ModelVersion | None = Field(default=None, description="The version to run; else `alias` is given.")
    alias: AliasName | None = Field(default=None, description="The alias to run, resolved at each execution.")
    market: Market
    brand: Brand | None = None
    input: InputRef = Field(description="What an execution scores.")
    keep: Annotated[tuple[Line, ...], Field(max_length=5000), Distinct()] | None = Field(
        default=None, description="Input columns to keep in the output; by default all that are no model input."
    )
    params: Params = Field(default_factory=dict, description="Values for the model's parameters.")
    schedule: Schedule | None = Field(default=None, description="When it runs by itself.")
    after: Annotated[tuple[DeploymentId, ...], Field(max_length=100), Distinct()] = Field(
        default=(), description="Deployments that must have finished first for the same logical date."
    )
    resources: Resources = Field(default="small", description="How much of the cluster an execution may take.")
    retries: int = Field(
        default=DEFAULT_RETRIES, strict=True, ge=0, le=10, description="Attempts after the first one failed."
    )
    timeout_s: int = Field(
        default=DEFAULT_TIMEOUT_S, strict=True, ge=1, le=MAX_TIMEOUT_S, description="Time that one attempt may take."
    )

    @model_validator(mode="after")
    def _names_one_version(self) -> Self:
        if (self.version is None) == (self.alias is None):
            raise PydanticCustomError("version", "exactly one of version and alias must be given", {"field": "version"})
        return self

    @model_validator(mode="after")
    def _is_not_after_itself(self) -> Self:
        if self.deployment_id in self.after:
            raise PydanticCustomError("after", "must not name the deployment itself", {"field": "after"})
        return self


class DeploymentRequested(
    DeploymentFields,
    Event,
    type="ml.DeploymentRequested.v1",
    topic=DEPLOYMENT_REQUESTS,
    kind=Kind.REQUEST,
    subject="deployment_id",
):
    """Make a deployment, or a new revision of one that exists."""

    expected_revision: Revision | None = Field(
        default=None, description="Refuse unless the deployment is at this revision now."
    )


class DeploymentChangeRequested(
    Event,
    type="ml.DeploymentChangeRequested.v1",
    topic=DEPLOYMENT_REQUESTS,
    kind=Kind.REQUEST,
    subject="deployment_id",
):
    """Pause, resume or retire a deployment."""

    deployment_id: DeploymentId
    action: DeploymentAction = Field(description="What to do.")
    reason: Reason | None = None


class DeploymentActivated(
    DeploymentFields,
    Event,
    type="ml.DeploymentActivated.v1",
    topic=DEPLOYMENT_EVENTS,
    kind=Kind.FACT,
    subject="deployment_id",
):
    """A revision of a deployment is in force; this is the whole deployment as stored."""

    revision: Revision
    scheduling: Scheduling = Field(description="Whether it has a schedule, and whether that is in force.")
    dag_id: Line | None = Field(default=None, description="Its DAG in Airflow.")
    requested_by: Subject
    request_id: RequestId


class DeploymentChange(Wire):
    """A change of a deployment's state."""

    deployment_id: DeploymentId
    revision: Revision
    changed_by: Subject
    reason: Reason | None = None
    request_id: RequestId


class DeploymentPaused(
    DeploymentChange,
    Event,
    type="ml.DeploymentPaused.v1",
    topic=DEPLOYMENT_EVENTS,
    kind=Kind.FACT,
    subject="deployment_id",
):
    """A deployment runs only when somebody asks for it by hand."""


class DeploymentResumed(
    DeploymentChange,
    Event,
    type="ml.DeploymentResumed.v1",
    topic=DEPLOYMENT_EVENTS,
    kind=Kind.FACT,
    subject="deployment_id",
):
    """A paused deployment runs again."""


class DeploymentRetired(
    DeploymentChange,
    Event,
    type="ml.DeploymentRetired.v1",
    topic=DEPLOYMENT_EVENTS,
    kind=Kind.FACT,
    subject="deployment_id",
):
    """A deployment runs no more."""
