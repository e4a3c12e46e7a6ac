"""One voice a process for what is waited for: however many wait for it, they say so once a minute."""

import time
from collections.abc import Callable
from typing import Final

import structlog

from chassis.telemetry import OUTAGE_RETRIES

log = structlog.get_logger(__name__)

EVERY_S: Final = 60.0


class Outages:
    """What is away, by error code, since when, and when that was last said."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._since: dict[str, float] = {}
        self._said_at: dict[str, float] = {}
        self._announced: set[str] = set()

    def goes_on(self, code: str, reason: str) -> None:
        """Somebody has tried in vain."""
        OUTAGE_RETRIES.labels(code).inc()
        now = self._monotonic()
        since = self._since.setdefault(code, now)
        if now - self._said_at.get(code, float("-inf")) < EVERY_S:
            return
        self._said_at[code] = now
        self._announced.add(code)
        log.warning("waiting_for_dependency", code=code, reason=reason, waited_s=round(now - since, 1))

    def is_over(self, code: str) -> None:
        """Somebody who had tried in vain has succeeded. One that comes and goes is spoken of once a minute, too."""
        since = self._since.pop(code, None)
        if since is not None and code in self._announced:
            self._announced.discard(code)
            log.info("dependency_back", code=code, waited_s=round(self._monotonic() - since, 1))


outages = Outages()
