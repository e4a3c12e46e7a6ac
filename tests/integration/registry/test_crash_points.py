"""Registries that die at the named points, again and again, answer each request once."""

import asyncio
import pickle
import signal

import pytest

from chassis.crash_points import CrashPoint
from chassis.documents.inbox import INBOX_LENGTH
from chassis.objects import Location
from tests.integration.outsider import attributes
from tests.integration.process import starting
from tests.integration.registry.bodies import registration

pytestmark = pytest.mark.timeout(240)

P = CrashPoint


@pytest.fixture
def orders(tmp_path):
    folder = tmp_path / "orders"
    folder.mkdir()
    return folder


@pytest.fixture
def start_mortal(registry_environment, orders, tmp_path):
    """Starts registries that obey orders to crash."""
    with starting("registry", {**registry_environment, "MLP_FAULT_CRASH_FOLDER": str(orders)}, tmp_path) as start:
        yield start


async def _bury(upstream, name) -> None:
    headers = attributes("ml.ModelUpdateRequested.v1", name)
    await upstream.write("ml.model.requests", b"\x00", key=name, headers=headers)


async def _ask(upstream, objects, name) -> list[str]:
    """A registration that waits, what waits behind it, something to refuse and something to bury."""
    where = Location("models", f"incoming/test/{name}/model.pkl")
    await objects.put(where, pickle.dumps({"name": name}))
    asked = [await upstream.request("ModelRegistrationRequested", registration(name, str(where)))]
    for number in range(5):
        body = {"model_id": name, "description": f"the {number}th"}
        asked.append(await upstream.request("ModelUpdateRequested", body))
    asked.append(await upstream.request("ModelUpdateRequested", {"model_id": f"{name}-no", "name": "x"}))
    await _bury(upstream, name)
    return asked


@pytest.mark.parametrize(
    "points",
    [
        (P.COPIED, P.SAVED, P.PUBLISHED),
        pytest.param((P.HANDLED, P.REFUSED, P.BURIED), marks=pytest.mark.long),
    ],
    ids="+".join,
)
async def test_registries_that_die_at_every_point_answer_each_request_once(
    start_mortal, orders, upstream, objects, database, new_name, points
):
    name = new_name()
    for point in points:
        (orders / f"registry.{point}").touch()
    asked = await _ask(upstream, objects, name)

    for _ in points:
        assert await asyncio.to_thread(start_mortal().await_end, within_s=60) == -signal.SIGKILL
    assert list(orders.iterdir()) == [], "a registry ended without an order"
    start_mortal()
    answers = [await upstream.answer(each) for each in asked]
    await upstream.settle(4)

    assert not {each.code for each in answers} - {"", "model-unknown"}
    assert [each.name for each in answers] == ["ModelRegistered", *["ModelUpdated"] * 5, "RequestRejected"]
    assert [len(upstream.to(each)) for each in asked] == [1] * len(asked)
    facts = upstream.find(lambda each: each.topic == "ml.model.events" and each.key == name)
    assert [each.sequence for each in facts] == list(range(1, 7))
    stored = await database["models"].find_one({"_id": name})
    assert (stored["_outbox"], stored["_sequence"]) == ([], 6)
    assert stored["details"]["description"] == "the 4th"


async def test_a_registry_that_dies_while_it_moves_what_it_has_handled_forgets_none_of_it(
    start_mortal, orders, upstream, objects, database, new_name
):
    name = new_name()
    where = Location("models", f"incoming/test/{name}/model.pkl")
    await objects.put(where, pickle.dumps({"name": name}))
    mortal = start_mortal()
    await upstream.requested("ModelRegistrationRequested", registration(name, str(where)))
    updates = [{"model_id": name, "description": f"the {number}th"} for number in range(INBOX_LENGTH + 10)]
    (orders / f"registry.{P.REMEMBERED}").touch()
    asked = [await upstream.request("ModelUpdateRequested", each) for each in updates]
    assert await asyncio.to_thread(mortal.await_end, within_s=60) == -signal.SIGKILL
    start_mortal()
    for each in asked:
        await upstream.answer(each)

    for body, request_id in zip(updates, asked, strict=True):
        await upstream.request("ModelUpdateRequested", body, request_id=request_id)
    await upstream.requested("ModelUpdateRequested", {"model_id": name, "description": "the last"})
    await upstream.settle(4)

    assert {len(upstream.to(each)) for each in asked} == {1}
    stored = await database["models"].find_one({"_id": name})
    assert (len(stored["_inbox"]), stored["_sequence"]) == (INBOX_LENGTH, len(asked) + 2)
