"""What a version's document says of its fitness, in whatever order relays bring the facts."""

import pytest

from chassis.bus.delivery import Cause
from chassis.bus.outgoing import EventFactory
from schemas.models import InputBinding, ModelArchived, VersionInspected
from schemas.values import ErrorInfo
from services.registry.store import Versions
from tests.unit.chassis.collection import MemoryCollection
from tests.unit.executor.requests import registered
from tests.unit.registry.fakes import StoppedClock

UNFIT = ErrorInfo(code="model-unsupported", message="It was stopped early.")
BOUND = (InputBinding(name="x", known_as="#1"),)


def outgoing(event, sequence):
    factory = EventFactory(source="/services/registry", clock=StoppedClock(), new_id=lambda: f"e{sequence}")
    return factory.make(event, Cause(event_id=None, correlation_id="c"), sequence=sequence)


def inspected(rules, unfit=None, **said):
    at = StoppedClock().now()
    return VersionInspected(model_id="demand", version=1, inspected_by=rules, inspected_at=at, unfit=unfit, **said)


@pytest.fixture
async def versions():
    """One version as releases stored it before anybody inspected."""
    made = Versions(MemoryCollection())
    fact = registered()
    document = {"model_id": "demand", "version": 1, "state": "active", "format": "onnx"}
    await made.collection.insert_one({"_id": "demand/1", **document, "event": fact.to_json().decode()})
    return made


async def test_a_document_of_before_is_due_and_fit(versions):
    version = await versions.numbered("demand", 1, ())
    assert (version.inspected_by, version.unfit, version.format) == (0, None, "onnx")
    assert (await versions.kept("demand/1", 1)).bindings == ()


async def test_the_latest_word_holds_whoever_brings_an_earlier_one_again(versions):
    first, second = outgoing(inspected(1, UNFIT), 2), outgoing(inspected(1, bindings=BOUND), 3)
    for each in ([first], [first, second], [second], [first]):
        await versions.keep(each)
    version = await versions.numbered("demand", 1, ())
    assert (version.inspected_by, version.unfit) == (1, None)
    assert await versions.kept("demand/1", 1) is None
    assert (await versions.kept("demand/1", 2)).bindings == BOUND


async def test_what_is_in_the_outbox_counts(versions):
    unpublished = [outgoing(inspected(1, UNFIT), 2), outgoing(inspected(2), 3), outgoing(inspected(2, UNFIT), 4)]
    for count, unfit in enumerate((None, UNFIT, None, UNFIT)):
        assert (await versions.numbered("demand", 1, unpublished[:count])).unfit == unfit


async def test_a_version_out_of_use_is_not_due(versions):
    await versions.keep([outgoing(ModelArchived(model_id="demand", version=1, archived_by="x", request_id="r"), 2)])
    assert await versions.kept("demand/1", 1) is None


async def test_rules_that_were_noted_never_fall(versions):
    for rules in (2, 1):
        await versions.note("demand/1", rules)
    assert (await versions.numbered("demand", 1, ())).inspected_by == 2
