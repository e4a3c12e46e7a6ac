"""Outboxes that nobody has emptied for a while, and in which order they are looked at."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from chassis.clock import Clock
from chassis.documents.client import Document

LEFT_BEHIND_AFTER_S: Final = 4.0
LOOKED_AT: Final = 1000
_PARKED_S: Final = 10.0

_Mark = tuple[str, Any]


class LeftBehind:
    """The outboxes of a collection that nobody has emptied for a while, by the clock of the one who looks.

    `_outbox_since` is the clock of whoever saved, and that may be minutes off: it is compared with itself alone. Looked
    at are so many at a time, one page after another, so that any number that can't leave hides none that can.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen: dict[_Mark, float] = {}
        self._seen_again: dict[_Mark, float] = {}
        self._parked: dict[str, float] = {}
        self.page = 0

    def look(self, documents: Sequence[Document]) -> list[str]:
        """Those of a page of documents, which have something in their outboxes, that have been so for long.

        A page that isn't full is the last one.
        """
        now = self._clock.monotonic()
        marks = [(each["_id"], each["_outbox_since"]) for each in documents]
        seen = {mark: self._seen_again.get(mark, self._seen.get(mark, now)) for mark in marks}
        self._seen_again |= seen
        self.page += 1
        if len(documents) < LOOKED_AT:
            self._seen, self._seen_again, self.page = self._seen_again, {}, 0
        self._parked = {name: until for name, until in self._parked.items() if until > now}
        return [
            document_id
            for (document_id, _), since in seen.items()
            if now - since >= LEFT_BEHIND_AFTER_S and document_id not in self._parked
        ]

    def park(self, document_ids: Iterable[str]) -> None:
        """Don't read these again for a while: nothing of them could leave."""
        until = self._clock.monotonic() + _PARKED_S
        self._parked |= dict.fromkeys(document_ids, until)

    def age_s(self) -> float:
        """For how long the oldest has been seen."""
        seen = (*self._seen.values(), *self._seen_again.values())
        return self._clock.monotonic() - min(seen, default=self._clock.monotonic())
