"""What only someone with more rights than an upstream can look at: dead letters, and the tables of metrics."""

import asyncio
import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaConnectionError, KafkaError

from examples.grocery.errors import DemoError, StackDownError
from examples.grocery.events import Message
from examples.grocery.stack import Kafka

OPERATOR = "operator"
_DEAD_LETTERS = re.compile(r"^ml\.[a-z-]+\.dlq$")
_POINTS_TIMEOUT_S = 30.0
_POINTS = """
    SELECT execution_id::text, count(*) FROM metrics WHERE execution_id::text = ANY($1::text[]) GROUP BY execution_id
"""


async def dead_letters(kafka: Kafka) -> int:
    """How many there ever were, in all services."""
    client = kafka.client(OPERATOR)
    try:
        async with _consumer(client) as everything:
            topics = sorted(filter(_DEAD_LETTERS.match, await everything.topics()))
        async with _consumer(client, topics) as consumer:
            ends = await consumer.end_offsets(consumer.assignment())
    except KafkaConnectionError as error:
        raise StackDownError("Kafka does not answer") from error
    except KafkaError as error:
        raise DemoError(f"can't count the dead letters as {OPERATOR}: {error!r}") from error
    return sum(ends.values())


@asynccontextmanager
async def _consumer(client: dict[str, Any], topics: Sequence[str] = ()) -> AsyncGenerator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(*topics, **client)
    try:
        await consumer.start()
        yield consumer
    finally:
        await consumer.stop()


async def metric_points(dsn: str, finished: Sequence[Message]) -> dict[str, int]:
    """Points in the table `metrics` of each execution, once those that its end announced are there.

    Raises:
        DemoError: they did not arrive in time, or the database did not answer.
    """
    due = {message.subject: max(1, len(message.data["metrics"])) for message in finished}
    try:
        connection = await asyncpg.connect(dsn, timeout=10)
        try:
            async with asyncio.timeout(_POINTS_TIMEOUT_S):
                return await _wait_for_points(connection, due)
        finally:
            await connection.close()
    except TimeoutError:
        raise DemoError(f"no metric points in PostgreSQL after {_POINTS_TIMEOUT_S:.0f} s") from None
    except (OSError, asyncpg.PostgresError) as error:
        raise DemoError(f"can't read the metrics in PostgreSQL: {error}") from error


async def _wait_for_points(connection: asyncpg.Connection, due: dict[str, int]) -> dict[str, int]:
    while True:
        found: dict[str, int] = dict(await connection.fetch(_POINTS, list(due)))
        if all(found.get(execution_id, 0) >= least for execution_id, least in due.items()):
            return found
        await asyncio.sleep(0.2)
