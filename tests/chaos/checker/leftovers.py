"""When all has been said, nothing is left to say."""

from collections.abc import Iterator

from tests.chaos.checker.violation import Violation
from tests.chaos.history import History


def outboxes_are_empty(history: History) -> Iterator[Violation]:
    """No document holds an event that the bus should have."""
    for database, collections in history.documents.items():
        for name, documents in collections.items():
            for each in documents:
                if each.get("_outbox") or "_outbox_since" in each:
                    held = tuple(entry.get("type") for entry in each.get("_outbox", ()))
                    yield Violation("outbox not empty", f"{database}.{name}/{each['_id']}", f"{len(held)} events", held)


def nothing_waits(history: History) -> Iterator[Violation]:
    """No accepted request is left lying, and no edge is reserved for a request that was decided."""
    for each in history.collection("registry", "registrations"):
        yield Violation("left lying", str(each["_id"]), "an accepted registration without an answer", (each,))
    for each in history.collection("registry", "queues"):
        yield Violation("left lying", str(each["_id"]), "a queue that nothing waits in", (each,))
    for graph in history.collection("deployer", "dependencies"):
        for reservation in graph.get("reserved", ()):
            yield Violation("left lying", str(reservation), "an edge is still reserved")


def lag_is_zero(history: History) -> Iterator[Violation]:
    """Every group has read its topics to their ends."""
    for each in history.progress:
        if each.committed < each.end:
            where = f"{each.group} on {each.topic}/{each.partition}"
            yield Violation("lag", where, f"committed {each.committed} of {each.end}")
