"""The executor's settings: `MLP_EXECUTOR_…`; those of scoring are in `scoring/settings.py`."""

from pydantic import Field, PositiveInt

from chassis.settings import ChassisSettings, GarbageSettings, prefixed
from services.executor.domain.limits import Limits


class Settings(ChassisSettings):
    """What the executor needs."""

    model_config = prefixed("EXECUTOR")

    slots: int = Field(
        default=1, ge=1, description="Executions that one process runs at the same time, each on a driver of its own."
    )
    lease_s: float = Field(
        default=15.0, ge=1, description="An execution whose owner is silent for so long may be taken over."
    )
    deployment_limit: int | None = Field(
        default=None, ge=1, description="Executions of one deployment that run at once, on all executors together."
    )
    market_limits: dict[str, PositiveInt] = Field(
        default_factory=dict[str, int],
        description='Executions of a market that run at once, as JSON: {"DE": 4, "*": 2}; `*` is any other market.',
    )
    garbage: GarbageSettings = Field(default_factory=GarbageSettings)
    max_input_objects: int = Field(default=10_000, ge=1, description="Executions on inputs of more objects fail.")

    @property
    def limits(self) -> Limits:
        return Limits(per_deployment=self.deployment_limit, per_market=self.market_limits)
