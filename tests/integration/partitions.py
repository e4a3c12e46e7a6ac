"""Names that stand in one line: their records lie on the same partition."""

from collections.abc import Callable

from aiokafka.partitioner import murmur2

from schemas.topics import EMBEDDED_PARTITIONS


def partition_of(key: str) -> int:
    """Where the producers put it, of the embedded stack's partitions."""
    return (murmur2(key.encode()) & 0x7FFFFFFF) % EMBEDDED_PARTITIONS


def neighbour(of: str, make: Callable[[], str]) -> str:
    """A new name behind `of`."""
    while partition_of(made := make()) != partition_of(of):
        pass
    return made
