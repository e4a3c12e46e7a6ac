"""What time asks of the tables: partitions for the months to come, and an end to what was kept long enough."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from chassis.bus.perseverance import through_outages
from chassis.tables import Tables


@dataclass(frozen=True, kw_only=True)
class Upkeep:
    """Calls the database's own `upkeep()`, whose work differs with and without TimescaleDB."""

    tables: Tables
    keep_metrics: timedelta
    keep_series: timedelta
    every_s: float

    async def once(self) -> None:
        """Doing it again changes nothing.

        Raises:
            TablesUnavailable: the server is away, or too busy to lock a partition.
        """
        async with self.tables.transaction() as connection:
            await connection.execute("SELECT upkeep($1, $2)", self.keep_metrics, self.keep_series)

    async def run(self) -> None:
        """Do it now and then, for ever."""
        while True:
            await asyncio.sleep(self.every_s)
            await through_outages(self.once, bound_s=None)
