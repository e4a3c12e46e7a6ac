"""Why a job can't be scored: a stable code, a sentence for people, and whether another attempt can help."""

import errno
import traceback
from typing import Any, Final

STORE_AWAY: Final = frozenset({"store-unavailable", "artifact-store-unavailable"})
RETRYABLE: Final = STORE_AWAY | {"worker-lost", "disk-full"}
"""Codes where the same job may well succeed the next time; all others need somebody to change something."""
_MAX_TYPE: Final = 100
_MAX_DETAIL: Final = 4_000
_WORDS: Final = "its words are in the execution's log, else in the executor's"


class ScoringError(Exception):
    """A job that failed. `message` is ours, and may stand in a fact; `detail` is what others said, for logs alone.

    `log_uri` is set once the run's log has been stored.
    """

    def __init__(
        self, code: str, message: str, *, retryable: bool | None = None, log_uri: str | None = None, detail: str = ""
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retryable = code in RETRYABLE if retryable is None else retryable
        self.log_uri = log_uri
        self.detail = detail

    def __reduce__(self) -> tuple[Any, ...]:
        """Crosses from a Spark task to its driver, which pickles positional arguments alone by default."""
        return ScoringError.from_dict, (self.to_dict(),)

    @property
    def details(self) -> dict[str, str]:
        """A log's fields."""
        return {"detail": self.detail} if self.detail else {}

    def reworded(self, message: str) -> "ScoringError":
        """The same failure, said with more."""
        return ScoringError.from_dict({**self.to_dict(), "message": message})

    def to_dict(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "message": self.message,
            "retryable": self.retryable,
            "log_uri": self.log_uri,
            "detail": self.detail,
        }

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> "ScoringError":
        return cls(
            raw["code"],
            raw["message"],
            retryable=raw["retryable"],
            log_uri=raw.get("log_uri"),
            detail=raw.get("detail", ""),
        )


def unforeseen(error: Exception) -> ScoringError:
    """What nobody has given a code. A fact has its type; its words, which may name anything, are for the logs."""
    kind, detail = type(error).__name__[:_MAX_TYPE], in_full(error)
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        text = f"there is no room for the executor's own files ({kind}): its operators have to make some; {_WORDS}"
        return ScoringError("disk-full", text, detail=detail)
    return ScoringError(
        "internal", f"nobody foresaw this ({kind}): tell the executor's operators; {_WORDS}", detail=detail
    )


def in_full(error: Exception) -> str:
    """Its words and its trace; of a long one its two ends."""
    text = "".join(traceback.format_exception(error)).strip()
    return text if len(text) <= _MAX_DETAIL else f"{text[: _MAX_DETAIL // 2]}\n…\n{text[-_MAX_DETAIL // 2 :]}"


class ScoringCancelled(Exception):
    """The job was stopped because it was asked to be."""
