"""Why a job can't be scored: a stable code, a sentence for people, and whether another attempt can help."""

import errno
from typing import Any, Final

STORE_AWAY: Final = frozenset({"store-unavailable", "artifact-store-unavailable"})
RETRYABLE: Final = STORE_AWAY | {"worker-lost", "disk-full"}
"""Codes where the same job may well succeed the next time; all others need somebody to change something."""


class ScoringError(Exception):
    """A job that failed. `log_uri` is set once the run's log has been stored."""

    def __init__(self, code: str, message: str, *, retryable: bool | None = None, log_uri: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retryable = code in RETRYABLE if retryable is None else retryable
        self.log_uri = log_uri

    def __reduce__(self) -> tuple[Any, ...]:
        """Crosses from a Spark task to its driver, which pickles positional arguments alone by default."""
        return _rebuild, (self.code, self.message, self.retryable, self.log_uri)

    def reworded(self, message: str) -> "ScoringError":
        """The same failure, said with more."""
        return ScoringError(self.code, message, retryable=self.retryable, log_uri=self.log_uri)

    def to_dict(self) -> dict[str, Any]:
        return {"code": self.code, "message": self.message, "retryable": self.retryable, "log_uri": self.log_uri}

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> "ScoringError":
        return cls(raw["code"], raw["message"], retryable=raw["retryable"], log_uri=raw.get("log_uri"))


def _rebuild(code: str, message: str, retryable: bool, log_uri: str | None) -> ScoringError:  # noqa: FBT001
    return ScoringError(code, message, retryable=retryable, log_uri=log_uri)


def unforeseen(error: Exception) -> ScoringError:
    """What nobody has given a code, in words."""
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return ScoringError("disk-full", f"there is no room for the executor's own files: {error}"[:500])
    return ScoringError("internal", f"{type(error).__name__}: {error}"[:500])


class ScoringCancelled(Exception):
    """The job was stopped because it was asked to be."""
