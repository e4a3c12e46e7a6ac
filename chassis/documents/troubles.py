"""Why events don't leave their outboxes: said once a minute, and shown where somebody asks for readiness."""

from dataclasses import dataclass
from typing import Final

import structlog

from chassis.clock import Clock
from chassis.errors import Outage, PlatformError
from chassis.outages import outages

log = structlog.get_logger(__name__)

_SAID_EVERY_S: Final = 60.0
_FORGOTTEN_AFTER_S: Final = 300.0
_MOST: Final = 1000

Place = tuple[str, str, str | None]
"""Collection, topic, and the document where it is that one's alone."""


@dataclass
class _Trouble:
    code: str
    reason: str
    since: float
    last: float


class Troubles:
    """What keeps events from leaving, by collection, topic and, where it is one document's own fault, document."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[Place, _Trouble] = {}
        self._said_at: dict[tuple[str, str, str], float] = {}

    def met(self, place: Place, error: Exception) -> None:
        """Something was to be published, and wasn't."""
        now = self._clock.monotonic()
        code = error.code if isinstance(error, PlatformError) else "unforeseen"
        reason = str(error) if isinstance(error, PlatformError) else f"{type(error).__name__}: {error}"
        trouble = self._known.get(place)
        since = trouble.since if trouble is not None else now
        if trouble is not None or len(self._known) < _MOST:
            self._known[place] = _Trouble(code, reason, since, now)
        if isinstance(error, Outage):
            outages.goes_on(code, reason)
        else:
            self._say(place, code, reason, waited_s=round(now - since, 1))

    def is_over(self, place: Place) -> None:
        """It has left."""
        trouble = self._known.pop(place, None)
        if trouble is not None:
            outages.is_over(trouble.code)

    def lasting(self, collection: str, longer_than_s: float) -> list[str]:
        """The reasons that have kept events of a collection for so long, each with where they were to go."""
        now = self._clock.monotonic()
        self._known = {place: each for place, each in self._known.items() if now - each.last < _FORGOTTEN_AFTER_S}
        reasons = (
            f"{topic}: {each.code}: {each.reason}"
            for (name, topic, _), each in self._known.items()
            if name == collection and now - each.since >= longer_than_s
        )
        return list(dict.fromkeys(reasons))

    def _say(self, place: Place, code: str, reason: str, *, waited_s: float) -> None:
        collection, topic, document = place
        now, kind = self._clock.monotonic(), (collection, topic, code)
        if now - self._said_at.get(kind, float("-inf")) < _SAID_EVERY_S:
            return
        self._said_at[kind] = now
        log.error(
            "unpublishable_outbox",
            collection=collection,
            topic=topic,
            document=document,
            code=code,
            reason=reason,
            waited_s=waited_s,
        )
