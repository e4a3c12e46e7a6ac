"""Rows into their tables, by the thousand and once."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from chassis.bus.batch import Taken
from chassis.tables import Connection, Tables
from services.metrics.projection import Projection
from services.metrics.rows import ExecutionRow, MetricRow, RejectedRow, Row, SeriesRow
from services.metrics.telemetry import ROWS

_TABLES: Final[dict[type[Row], str]] = {
    MetricRow: "metrics",
    SeriesRow: "timeseries_data",
    ExecutionRow: "executions",
    RejectedRow: "rejected_points",
}
# About a second's work: far from the time after which a statement counts as hanging.
_ROWS_A_TRANSACTION: Final = 20_000


class Store:
    """Stores events; storing one again changes nothing."""

    def __init__(self, tables: Tables, projection: Projection) -> None:
        self._tables = tables
        self._projection = projection

    async def store(self, taken: Sequence[Taken]) -> None:
        """Store all of `taken`, in as many transactions as their points need.

        Raises:
            TablesUnavailable: the server is away; some may be stored.
        """
        rows = (row for event, delivery in taken for row in self._projection.rows(event, delivery))
        while some := list(islice(rows, _ROWS_A_TRANSACTION)):
            async with self._tables.transaction() as connection:
                added = {table: await _add(connection, table, each) for table, each in _by_table(some)}
            for table, number in added.items():
                ROWS.labels(table).inc(number)


def _by_table(rows: Sequence[Row]) -> Iterator[tuple[str, Sequence[Row]]]:
    # Always in the same order: two writers that met in different ones would wait for each other.
    found: defaultdict[type[Row], list[Row]] = defaultdict(list)
    for row in rows:
        found[type(row)].append(row)
    return ((table, found[kind]) for kind, table in _TABLES.items() if kind in found)


async def _add(connection: Connection, table: str, rows: Sequence[Row]) -> int:
    """Returns how many weren't there yet."""
    columns = rows[0]._fields
    names = ", ".join(columns)
    # COPY knows no ON CONFLICT, so it goes beside the table, into one that the connection keeps for the next time.
    incoming = f"incoming_{table}"
    await connection.execute(f"CREATE TEMPORARY TABLE IF NOT EXISTS {incoming} (LIKE {table}) ON COMMIT DELETE ROWS")
    await connection.copy_records_to_table(incoming, records=rows, columns=columns)
    done = await connection.execute(
        f"INSERT INTO {table} ({names}) SELECT {names} FROM {incoming} ON CONFLICT DO NOTHING"  # noqa: S608 - our own names
    )
    return int(done.rpartition(" ")[2])
