"""The object store and the artifacts' cache, for who has one file to try."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.executor.scoring.job import InputObject, ModelArtifact


@dataclass(eq=False)
class OneObject:
    """A bucket of one object, as far as inputs are read."""

    raw: bytes
    content_type: str | None = None
    bytes_read: int = 0

    def listed(self, key: str) -> InputObject:
        return InputObject(key=key, etag='"1"', size_bytes=len(self.raw))

    def get_range(self, source: InputObject, start: int, end: int) -> memoryview:
        return memoryview(self.raw)[start:end]

    def beginning(self, source: InputObject, size: int) -> tuple[memoryview, str | None]:
        return memoryview(self.raw)[:size], self.content_type

    def read_into(self, source: InputObject, start: int, target: memoryview) -> None:
        target[:] = self.raw[start : start + target.nbytes]


@dataclass(frozen=True)
class OneArtifact:
    """A cache of one artifact."""

    path: Path

    @contextmanager
    def checked_out(self, model: ModelArtifact) -> Generator[Any]:
        yield self.path
