"""The requests that an aggregate has handled last, as they stand in its document."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

from chassis.bus.request_key import RequestKey
from chassis.documents.client import Document

INBOX_LENGTH: Final = 64
NEEDED: Final = {"_inbox": 1, "_made": 1}
"""What has to be read of a document for its inbox."""

# Behind the key of a request that made something.
_FOR_GOOD: Final = "!"


@dataclass(frozen=True)
class Inbox:
    """The last requests, the latest at the end, and before them those that `handled` hasn't been given yet.

    `is_former`: as it was written before older requests went to `handled`; what made something stood in `_made`.
    """

    entries: tuple[str, ...] = ()
    is_former: bool = False

    @classmethod
    def of(cls, document: Document) -> Self:
        made: Sequence[str] = document.get("_made", ())
        return cls((*made, *document.get("_inbox", ())), is_former=bool(made))

    def holds(self, key: RequestKey) -> bool:
        """Whether this is one of the last requests."""
        return any(each in self.entries or each + _FOR_GOOD in self.entries for each in key.forms)

    @property
    def is_all(self) -> bool:
        """Whether no request has ever left it: nothing leaves one that isn't full, and it stays full."""
        return len(self.entries) < INBOX_LENGTH

    def with_entry(self, key: RequestKey, *, for_good: bool) -> Self:
        """With one more request."""
        return type(self)((*self.entries, key.text + _FOR_GOOD if for_good else key.text), self.is_former)

    @property
    def leaving(self) -> tuple[str, ...]:
        """All but the last ones: what `handled` has to be given."""
        return self.entries[:-INBOX_LENGTH]

    def written(self) -> Document:
        """The update that adds the last entry to a document."""
        if self.is_former:
            return {"$set": {"_inbox": list(self.entries)}, "$unset": {"_made": ""}}
        return {"$push": {"_inbox": self.entries[-1]}}


def key_in(entry: str) -> str:
    """The key that an entry holds."""
    return entry.removesuffix(_FOR_GOOD) if is_for_good(entry) else entry


def is_for_good(entry: str) -> bool:
    """Whether the request made something: what that was must never be made again, however late it is asked for."""
    # Keys of before have a slash, and may end as they like.
    return entry.endswith(_FOR_GOOD) and "/" not in entry
