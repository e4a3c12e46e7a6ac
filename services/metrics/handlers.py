"""An event that keeps to its schema is stored; the store judges its points one by one."""

from chassis.bus.delivery import Delivery
from schemas.executions import ExecutionFinished
from schemas.observations import MetricsObserved, SeriesObserved


async def on_any(event: ExecutionFinished | MetricsObserved | SeriesObserved, delivery: Delivery) -> None:
    """Let it pass: admission has checked all that there is to check."""
    _ = (event, delivery)
