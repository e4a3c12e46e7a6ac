"""What time asks of the tables: partitions for what there is and will be, an end to what was kept long enough."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog

from chassis.bus.perseverance import through_outages
from chassis.errors import TablesBusy
from chassis.tables import Tables

log = structlog.get_logger(__name__)

_KEEP_REJECTED: Final = timedelta(days=90)
# The server gives a step up before we take its silence for an outage.
_STEP_S: Final = 30
_SILENCE_S: Final = 60
_BUSY_S: Final = 1.0
_LONG_BUSY_S: Final = 60.0


@dataclass(frozen=True, kw_only=True)
class Upkeep:
    """Calls the database's own `upkeep_step()`, whose work differs with and without TimescaleDB."""

    tables: Tables
    keep_metrics: timedelta
    keep_series: timedelta
    every_s: float
    pause_s: float = 0.05
    """Between two steps, for those who read and write."""

    async def once(self) -> None:
        """Step by step until nothing is left to do. A table that others hold is tried again when the rest is done.

        Raises:
            TablesUnavailable: the server is away; the steps before are done.
        """
        left: dict[str, timedelta | None] = {
            "metrics": self.keep_metrics,
            "timeseries_data": self.keep_series,
            "executions": None,
            "rejected_points": _KEEP_REJECTED,
        }
        busy_s = _BUSY_S
        while left := {name: kept for name, kept in left.items() if not await self._is_done(name, kept)}:
            log.info("upkeep_waits", tables=list(left), wait_s=busy_s)
            await asyncio.sleep(busy_s)
            busy_s = min(2 * busy_s, _LONG_BUSY_S)

    async def run(self) -> None:
        """Do it now, and then now and again for ever."""
        while True:
            await through_outages(self.once, bound_s=None)
            await asyncio.sleep(self.every_s)

    async def _is_done(self, name: str, kept: timedelta | None) -> bool:
        try:
            while await self.step(name, kept):  # noqa: ASYNC110 - a pause, no waiting for an event
                await asyncio.sleep(self.pause_s)
        except TablesBusy:
            return False
        return True

    async def step(self, name: str, kept: timedelta | None) -> bool:
        """A short transaction; whether there is more to do.

        Raises:
            TablesBusy: somebody else holds the table.
            TablesUnavailable: the server is away.
        """
        async with self.tables.transaction() as connection:
            await connection.execute(f"SET LOCAL statement_timeout = '{_STEP_S}s'")
            return await connection.fetchval("SELECT upkeep_step($1, $2)", name, kept, timeout=_SILENCE_S)
