"""What the executor knows of deployments and models, as their facts tell it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from schemas.aliases import Alias
from schemas.deployments import DeploymentActivated
from schemas.models import ModelRegistered

DeploymentState = Literal["active", "paused", "retired"]


@dataclass(frozen=True)
class KnownDeployment:
    """A deployment's revision in force, and whether it may run."""

    activated: DeploymentActivated
    state: DeploymentState


@dataclass(frozen=True)
class KnownVersion:
    """A model version."""

    registered: ModelRegistered
    archived: bool


@dataclass(frozen=True)
class KnownModel:
    """A model's versions by number, and where its aliases point."""

    versions: Mapping[int, KnownVersion]
    aliases: tuple[Alias, ...]
    archived: bool
