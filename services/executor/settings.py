"""The executor's settings: `MLP_EXECUTOR_…`; those of scoring are in `scoring/settings.py`."""

from pydantic import Field

from chassis.settings import ChassisSettings, prefixed


class Settings(ChassisSettings):
    """What the executor needs."""

    model_config = prefixed("EXECUTOR")

    slots: int = Field(
        default=1, ge=1, description="Executions that one process runs at the same time, each on a driver of its own."
    )
    lease_s: float = Field(
        default=15.0, ge=1, description="An execution whose owner is silent for so long may be taken over."
    )
    max_input_objects: int = Field(default=10_000, ge=1, description="Inputs of more objects are refused.")
