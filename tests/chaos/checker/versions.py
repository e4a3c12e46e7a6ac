"""Versions and revisions count from 1 without gaps, and each version has its document and its bytes."""

from collections import defaultdict
from collections.abc import Iterator

from tests.chaos.checker.violation import Violation
from tests.chaos.history import History, Record


def count_up(history: History) -> Iterator[Violation]:
    """1, 2, 3, … in the order of the facts."""
    for name, subject, number in (
        ("ModelRegistered", "model_id", "version"),
        ("DeploymentActivated", "deployment_id", "revision"),
    ):
        by_subject: defaultdict[str, list[Record]] = defaultdict(list)
        for each in history.facts(name):
            by_subject[str(each.data.get(subject))].append(each)
        for which, facts in by_subject.items():
            numbers = [each.data.get(number) for each in facts]
            if numbers != list(range(1, len(numbers) + 1)):
                yield Violation(f"{number}s don't count up", which, f"{numbers}", tuple(facts))


def are_stored(history: History) -> Iterator[Violation]:
    """Each version that was announced has one document and its artifact's bytes, and no other has."""
    announced = {f"{each.data['model_id']}/{each.data['version']}": each for each in history.facts("ModelRegistered")}
    stored = {str(each["_id"]): each for each in history.collection("registry", "model_versions")}
    for which in stored.keys() - announced.keys():
        yield Violation("version nobody announced", which, "a document without a fact", (stored[which],))
    for which, fact in announced.items():
        document = stored.get(which)
        if document is None:
            yield Violation("version lost", which, "announced, and without a document", (fact,))
        elif document.get("event_id") != fact.identity[1]:
            yield Violation("version of another event", which, f"document of {document.get('event_id')}", (fact,))
        yield from _artifact(history, which, fact)


def _artifact(history: History, which: str, fact: Record) -> Iterator[Violation]:
    artifact = fact.data.get("artifact", {})
    found = history.objects.get(str(artifact.get("uri")))
    if found is None:
        yield Violation("artifact lost", which, f"{artifact.get('uri')} isn't there", (fact,))
    elif (found.sha256, found.size_bytes) != (artifact.get("sha256"), artifact.get("size_bytes")):
        yield Violation("artifact changed", which, f"{artifact.get('uri')} holds other bytes", (fact, found))
