"""A record as Kafka's client hands it over."""

from typing import Self, TypeAlias

from aiokafka import ConsumerRecord

KafkaRecord: TypeAlias = ConsumerRecord[bytes, bytes]


class Cut(bytes):
    """The beginning of a value that nobody can or should have in memory; `code` says why.

    `size` is how many bytes it had; None where nobody knows.
    """

    code: str
    size: int | None

    @classmethod
    def of(cls, beginning: bytes, *, code: str, size: int | None) -> Self:
        """What is left of a value."""
        cut = cls(beginning)
        cut.code, cut.size = code, size
        return cut
