"""One aggregate's facts are numbered from 1, without gaps or twins, in order."""

from collections import defaultdict
from collections.abc import Iterator

from tests.chaos.checker.violation import Violation
from tests.chaos.history import History, Identity, Record


def without_gaps_or_twins(history: History) -> Iterator[Violation]:
    """The first deliveries of an aggregate's facts count 1, 2, 3, … by offset, on one partition."""
    by_subject: defaultdict[tuple[str, str], list[Record]] = defaultdict(list)
    for each in history.distinct(".events"):
        by_subject[each.topic, each.subject].append(each)
    for (topic, subject), facts in by_subject.items():
        numbers = [each.sequence for each in facts]
        if len({each.position.partition for each in facts}) > 1:
            yield Violation("out of order", f"{subject} on {topic}", "facts on several partitions", tuple(facts))
        elif numbers != list(range(1, len(numbers) + 1)):
            yield Violation("out of order", f"{subject} on {topic}", f"numbered {numbers}", tuple(facts))


def repeats_say_the_same(history: History) -> Iterator[Violation]:
    """Whatever carries the same source and id is the same event, to the byte."""
    first: dict[tuple[str, Identity], Record] = {}
    for each in history.on(".events", ".refusals", ".execution.observations"):
        known = first.setdefault((each.topic, each.identity), each)
        same = (known.key, known.value, known.sequence) == (each.key, each.value, each.sequence)
        if not same:
            yield Violation("two in one", each.subject, "one source and id for two events", (known, each))
