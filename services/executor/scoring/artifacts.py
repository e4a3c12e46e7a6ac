"""Model artifacts on this host: fetched once, kept by digest, checked against it before every load."""

import fcntl
import hashlib
import os
import shutil
import time
import uuid
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from services.executor.scoring.errors import ScoringError
from services.executor.scoring.job import ModelArtifact
from services.executor.scoring.objects import MODELS, Bucket, parse_uri

_FILE, _TREE = "artifact", "tree"
_PARTIAL = ".partial"
_ABANDONED_S = 3600.0


@dataclass(frozen=True)
class ArtifactCache:
    """A folder with one entry a digest, shared by all workers of the host.

    A file is kept under a name of our own: the same bytes may have been registered under several.
    """

    models: Bucket
    root: Path
    max_bytes: int

    @contextmanager
    def checked_out(self, model: ModelArtifact) -> Generator[Path]:
        """The artifact's file or directory, verified; it stays there until the block ends.

        Raises:
            ScoringError: `artifact-missing`, `artifact-digest-mismatch`, `artifact-unreadable`, `store-unavailable`.
        """
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        entry = self.root / _checked_digest(model)
        with _locked(self.root / f"{entry.name}.lock"):
            path = entry / (_FILE if _name(model) else _TREE)
            # A copy that was damaged on this host says nothing about the store's: take that again.
            if not _is_true(path, model):
                shutil.rmtree(entry, ignore_errors=True)
                self._fetch(model, entry)
                if not _is_true(path, model):
                    shutil.rmtree(entry, ignore_errors=True)
                    raise ScoringError("artifact-digest-mismatch", f"{model.uri} hasn't the sha256 {model.sha256}")
            os.utime(entry)
            yield path
        self._evict()

    def _fetch(self, model: ModelArtifact, entry: Path) -> None:
        partial = self.root / f"{entry.name}.{uuid.uuid4().hex}{_PARTIAL}"
        try:
            for key, path in self._objects(model):
                target = partial / path
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("wb") as file:
                    for piece in self.models.chunks(key):
                        file.write(piece)
            _make_readable(partial)
            partial.rename(entry)
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def _objects(self, model: ModelArtifact) -> list[tuple[str, str]]:
        """Keys, and where each goes below the entry."""
        prefix, name = f"sha256/{model.sha256}/", _name(model)
        found = [item.key for item in self.models.list(prefix)]
        if name:
            found = [key for key in found if key == prefix + name]
        if not found:
            raise ScoringError("artifact-missing", f"{model.uri} is not there")
        if any(".." in key.split("/") for key in found):
            raise ScoringError("artifact-unreadable", f"{model.uri} holds a path with ..")
        return [(key, _FILE if name else f"{_TREE}/{key.removeprefix(prefix)}") for key in found]

    def _evict(self) -> None:
        """Least recently used entries go until the rest fits; one that is in use is left alone."""
        entries = sorted(_entries(self.root), key=_used_at)
        excess = sum(_size(item) for item in entries) - self.max_bytes
        for entry in entries[:-1]:
            if excess <= 0:
                return
            with suppress(BlockingIOError), _locked(self.root / f"{entry.name}.lock", wait=False):
                excess -= _size(entry)
                shutil.rmtree(entry, ignore_errors=True)


def _entries(root: Path) -> Generator[Path]:
    """What may be evicted; a fetch that is under way is not, unless it was abandoned long ago."""
    for item in root.iterdir():
        if item.is_dir() and (item.suffix != _PARTIAL or time.time() - _used_at(item) > _ABANDONED_S):
            yield item


def _used_at(entry: Path) -> float:
    with suppress(FileNotFoundError):
        return entry.stat().st_mtime
    return 0.0


def _is_true(path: Path, model: ModelArtifact) -> bool:
    return path.exists() and digest(path) == model.sha256


def digest(path: Path) -> str:
    """A file's sha256; a directory's: over its sorted lines `path NUL size NUL sha256 newline`."""
    if path.is_file():
        return _file_digest(path)
    lines = [
        f"{item.relative_to(path).as_posix()}\0{item.stat().st_size}\0{_file_digest(item)}\n"
        for item in path.rglob("*")
        if item.is_file()
    ]
    return hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _checked_digest(model: ModelArtifact) -> str:
    if len(model.sha256) != hashlib.sha256().digest_size * 2 or not set(model.sha256) <= set("0123456789abcdef"):
        raise ScoringError("artifact-unreadable", f"{model.sha256} is no sha256")
    return model.sha256


def _name(model: ModelArtifact) -> str:
    """Of the file that the address names; empty for a directory. The same bytes may have several names."""
    key, prefix = parse_uri(model.uri, bucket=MODELS), f"sha256/{model.sha256}"
    if key != prefix and not key.startswith(f"{prefix}/"):
        raise ScoringError("artifact-unreadable", f"{model.uri} is no immutable copy of {model.sha256}")
    return key.removeprefix(prefix).strip("/")


def _make_readable(folder: Path) -> None:
    """The sandbox may have a user of its own; the cache's root keeps others out."""
    folder.chmod(0o755)
    for item in folder.rglob("*"):
        item.chmod(0o755 if item.is_dir() else 0o644)


def _size(entry: Path) -> int:
    with suppress(FileNotFoundError):
        return sum(item.stat().st_size for item in entry.rglob("*") if item.is_file())
    return 0


@contextmanager
def _locked(path: Path, *, wait: bool = True) -> Generator[None]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
    finally:
        os.close(descriptor)
