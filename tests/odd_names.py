"""Names of headers that no ordinary client can send."""

from typing import Self


class OddName(str):
    """Goes over the wire as any bytes, through aiokafka's builder in plain Python."""

    __slots__ = ("_bytes",)

    _bytes: bytes

    def __new__(cls, raw: bytes) -> Self:
        made = super().__new__(cls, raw.decode("latin-1"))
        made._bytes = raw
        return made

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        return self._bytes
