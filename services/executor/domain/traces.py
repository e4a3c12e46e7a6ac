"""What attempts leave in the bucket of results, and what is to become of it."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

ENDED: Final = frozenset({"succeeded", "failed", "cancelled", "timed_out"})
LOG: Final = "log.jsonl"
MANIFEST: Final = "manifest.json"
_SLUG: Final = "[a-z][a-z0-9-]{1,62}"
_UUID: Final = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_KEY: Final = re.compile(rf"(?P<deployment>{_SLUG})/(?P<execution>{_UUID})/attempt-(?P<attempt>[1-9][0-9]{{0,8}})/.+")
_TRY: Final = re.compile(rf"tries/(?P<execution>{_UUID})/.+")


class Fate(StrEnum):
    """KEPT: a fact names it or may come to. UNEXPLAINED: the execution doesn't know of it; somebody has to look."""

    KEPT = "kept"
    GARBAGE = "garbage"
    UNEXPLAINED = "unexplained"


@dataclass(frozen=True, kw_only=True)
class Trace:
    """An attempt's log, or everything else that it wrote."""

    deployment_id: str
    execution_id: str
    attempt: int
    is_log: bool

    @classmethod
    def of(cls, key: str) -> "Trace | None":
        """What the object with this key belongs to; None: no attempt's."""
        found = _KEY.fullmatch(key)
        if found is None:
            return None
        trace = cls(
            deployment_id=found["deployment"],
            execution_id=found["execution"],
            attempt=int(found["attempt"]),
            is_log=key.endswith(f"/{LOG}"),
        )
        return trace if not trace.is_log or key == trace.prefix + LOG else None

    @property
    def prefix(self) -> str:
        """Of all that the attempt wrote; ends with a slash."""
        return f"{self.deployment_id}/{self.execution_id}/attempt-{self.attempt}/"

    @property
    def address(self) -> str:
        """Its key, or the prefix that it shares with the log."""
        return self.prefix + LOG if self.is_log else self.prefix

    def fate(self, state: str | None, latest: int) -> tuple[Fate, str]:
        """What becomes of it, and why, when its execution is in this state (None: there is none) at this attempt.

        An execution that has ended never changes again. Its last fact names the latest attempt's log, and its other
        objects where it succeeded; no fact can ever name anything of an earlier one.
        """
        if state is None:
            return Fate.UNEXPLAINED, "there is no such execution"
        if state not in ENDED:
            return Fate.KEPT, f"the execution is {state}"
        if self.attempt > latest:
            return Fate.UNEXPLAINED, f"the execution {state} at attempt {latest}"
        if self.attempt < latest:
            return Fate.GARBAGE, f"attempt {latest} came after it"
        if self.is_log or state == "succeeded":
            return Fate.KEPT, "the execution's last fact names it"
        return Fate.GARBAGE, f"the execution {state} and has no output"


def try_of(key: str) -> str | None:
    """The execution whose rows an object in the bucket `datasets` holds; None: it holds no try's."""
    found = _TRY.fullmatch(key)
    return None if found is None else found["execution"]
