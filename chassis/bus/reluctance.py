"""What topics would not take: asked again after growing pauses, and in between nobody is kept waiting for it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from chassis.errors import Outage, PlatformError, Unpublishable
from schemas.topics import DEAD_LETTER_MAX_BYTES, TOPICS

_LIMITS: Final = {topic.name: topic.max_message_bytes for topic in TOPICS}
_FIRST_PAUSE_S: Final = 1.0
_OUTAGE_PAUSE_S: Final = 5.0
_REFUSED_PAUSE_S: Final = 30.0


@dataclass(frozen=True)
class _Hold:
    """Nothing of `size` bytes or more is sent before `until`, by a monotonic clock."""

    error: PlatformError
    pause_s: float
    until: float
    size: int


class Reluctance:
    """Of each topic what it didn't take the last time: nothing, or nothing of some size."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._holds: dict[str, _Hold] = {}

    def check(self, topic: str, size: int) -> None:
        """Called before a record of so many bytes is sent.

        Raises:
            PlatformError: it is too large, or what was said of its like the last time still holds.
        """
        limit = _LIMITS.get(topic, DEAD_LETTER_MAX_BYTES)
        if size > limit:
            raise Unpublishable(f"{size} bytes, where {topic} takes {limit}")
        hold = self._holds.get(topic)
        if hold is not None and size >= hold.size and self._monotonic() < hold.until:
            raise type(hold.error)(str(hold.error))

    def refused(self, topic: str, error: PlatformError, *, size: int = 0) -> None:
        """It didn't take a record; `size` is that one's where it was refused for it."""
        before = self._holds.get(topic)
        size = min(size, before.size) if before is not None and before.size and size else size
        longest = _OUTAGE_PAUSE_S if isinstance(error, Outage) else _REFUSED_PAUSE_S
        pause = min(before.pause_s * 2, longest) if before is not None else _FIRST_PAUSE_S
        self._holds[topic] = _Hold(error, pause, self._monotonic() + pause, size)

    def took(self, topic: str, size: int) -> None:
        """It took a record of so many bytes."""
        hold = self._holds.get(topic)
        if hold is not None and size >= hold.size:
            del self._holds[topic]
