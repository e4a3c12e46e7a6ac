"""The deployer's settings: `MLP_DEPLOYER_…`."""

from pydantic import Field

from chassis.settings import ChassisSettings, prefixed


class Settings(ChassisSettings):
    """What the deployer needs."""

    model_config = prefixed("DEPLOYER")

    undecided_s: float = Field(
        default=60.0,
        ge=0,
        description="How long a request waits for another one that it would close a cycle with, before it is refused.",
    )
