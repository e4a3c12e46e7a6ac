"""What the executor knows of deployments and models, as their facts tell it."""

from dataclasses import dataclass
from typing import Literal

from schemas.aliases import Alias
from schemas.deployments import DeploymentActivated
from schemas.models import ModelRegistered
from schemas.values import ErrorInfo

DeploymentState = Literal["active", "paused", "retired"]


@dataclass(frozen=True)
class KnownDeployment:
    """A deployment's revision in force, and whether it may run."""

    activated: DeploymentActivated
    state: DeploymentState


@dataclass(frozen=True)
class KnownVersion:
    """A model version. `unfit`: why it isn't run any more."""

    registered: ModelRegistered
    archived: bool
    unfit: ErrorInfo | None = None


@dataclass(frozen=True)
class KnownModel:
    """Where a model's aliases point, and whether it is in use."""

    aliases: tuple[Alias, ...]
    archived: bool
