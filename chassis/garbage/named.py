"""What facts on the bus name: a store of documents that was restored may have forgotten what others still know."""

from collections.abc import AsyncIterator, Callable, Iterable
from datetime import datetime
from typing import Protocol

from chassis.bus.record import KafkaRecord
from schemas.topics import Topic


class Records(Protocol):
    """What stands on topics."""

    def records_in(self, topic: str, *, since_ms: int | None = None) -> AsyncIterator[KafkaRecord]: ...


async def named_in(
    records: Records, topic: Topic, names_in: Callable[[bytes], Iterable[str]], *, since: datetime | None = None
) -> set[str]:
    """All that `names_in` finds in the records of a topic, from its beginning or those written since then, to its end.

    Raises:
        BusUnavailable: nobody could say.
    """
    since_ms = None if since is None else int(since.timestamp() * 1000)
    found: set[str] = set()
    async for record in records.records_in(topic.name, since_ms=since_ms):
        found.update(names_in(record.value or b""))
    return found
