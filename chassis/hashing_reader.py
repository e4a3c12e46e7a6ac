"""Bytes that are hashed as they pass."""

import hashlib
from collections.abc import AsyncIterator


class HashingReader:
    """A stream with `read(n)`, as miniopy wants it, that hashes what passes."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""
        self._digest = hashlib.sha256()

    async def read(self, size: int) -> bytes:
        if not self._rest:
            self._rest = await anext(self._chunks, b"")
        data, self._rest = self._rest[:size], self._rest[size:]
        self._digest.update(data)
        return data

    def hexdigest(self) -> str:
        return self._digest.hexdigest()
