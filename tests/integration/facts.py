"""What a service has said, looked at as a whole."""

from collections import defaultdict
from collections.abc import Iterable

from tests.integration.outsider import Said


def numbered(said: Iterable[Said]) -> dict[str, list[Said]]:
    """The distinct facts by aggregate, in the order of their numbers, which have neither gaps nor twins."""
    found: defaultdict[str, list[Said]] = defaultdict(list)
    for each in {each.identity: each for each in said}.values():
        found[each.key].append(each)
    for key, facts in found.items():
        facts.sort(key=lambda each: each.sequence)
        assert [each.sequence for each in facts] == list(range(1, len(facts) + 1)), key
    return dict(found)
