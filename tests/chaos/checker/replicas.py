"""What services know of each other's facts is all of them."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from tests.chaos.checker.violation import Violation
from tests.chaos.history import History

_REPLICAS: Final = (
    ("deployer", "known_models", "ml.model.events"),
    ("deployer", "known_datasets", "ml.dataset.events"),
    ("executor", "known_models", "ml.model.events"),
    ("executor", "known_datasets", "ml.dataset.events"),
    ("executor", "known_deployments", "ml.deployment.events"),
)


_WITH_VERSIONS: Final = ("deployer", "executor")


def know_every_version(history: History) -> Iterator[Violation]:
    """Each version that was announced has its document, and no other has."""
    announced = {f"{each.data['model_id']}/{each.data['version']}" for each in history.facts("ModelRegistered")}
    for database in _WITH_VERSIONS:
        known = {str(each["_id"]) for each in history.collection(database, "known_model_versions")}
        for which in announced ^ known:
            message = "isn't known" if which in announced else "was never announced"
            yield Violation("replica lacks a version", f"{which} in {database}", message)


def have_seen_everything(history: History) -> Iterator[Violation]:
    """Each replica stands at the last fact of each aggregate."""
    for database, collection, topic in _REPLICAS:
        facts = Counter(each.subject for each in history.distinct(topic))
        known = {str(each["_id"]): each.get("_sequence") for each in history.collection(database, collection)}
        for which in facts.keys() | known.keys():
            if known.get(which) != facts.get(which):
                message = f"at fact {known.get(which)} of {facts.get(which)}"
                yield Violation("replica behind", f"{which} in {database}.{collection}", message)
