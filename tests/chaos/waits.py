"""How long senders waited for their answers."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from tests.chaos.history import Sent


@dataclass(frozen=True)
class Waits:
    """Of one kind of request, in seconds."""

    kind: str
    seconds: list[float]

    @property
    def longest(self) -> float:
        return max(self.seconds)

    def __str__(self) -> str:
        middle = median(self.seconds)
        return f"{self.kind:32} {len(self.seconds):4}  median {middle:6.3f} s  longest {self.longest:6.3f} s"


def waits_of(sent: Iterable[Sent]) -> list[Waits]:
    """By kind; what was never answered isn't among them."""
    found: defaultdict[str, list[float]] = defaultdict(list)
    for each in sent:
        if each.answered_at is not None:
            found[each.kind].append(each.answered_at - each.sent_at)
    return [Waits(kind, seconds) for kind, seconds in sorted(found.items())]
