"""The metrics service, joined from its parts."""

from datetime import timedelta

from chassis.service import Service
from chassis.tables import Tables
from schemas.executions import ExecutionFinished
from schemas.observations import MetricsObserved, SeriesObserved
from schemas.topics import EXECUTION_EVENTS, EXECUTION_OBSERVATIONS, METRIC_OBSERVATIONS
from services.metrics.handlers import on_any
from services.metrics.migration import migrate
from services.metrics.projection import Projection
from services.metrics.settings import MetricsSettings
from services.metrics.store import Store
from services.metrics.upkeep import Upkeep


def build(settings: MetricsSettings) -> Service:
    """The service, not yet connected to anything."""
    service = Service("metrics", settings)
    tables = Tables(settings.postgres)
    # A connection of its own: a step that waits for a lock keeps none from the store.
    upkeep_tables = Tables(settings.postgres.model_copy(update={"pool_size": 1}))
    upkeep = Upkeep(
        tables=upkeep_tables,
        keep_metrics=timedelta(days=settings.keep_metrics_days),
        keep_series=timedelta(days=settings.keep_series_days),
        every_s=settings.upkeep_every_s,
    )

    async def prepare() -> None:
        await migrate(tables, settings.timescale)

    service.needs("tables", tables.ping)
    service.prepare_with(prepare)
    service.take_batches(
        {
            EXECUTION_EVENTS: {ExecutionFinished: on_any},
            EXECUTION_OBSERVATIONS: {MetricsObserved: on_any},
            METRIC_OBSERVATIONS: {MetricsObserved: on_any, SeriesObserved: on_any},
        },
        Store(tables, Projection(metrics=settings.bounds_of_metrics, series=settings.bounds_of_series)).store,
        suffix="",
    )
    service.work_on(upkeep.run)
    service.close_with(tables.stop)
    service.close_with(upkeep_tables.stop)
    return service
