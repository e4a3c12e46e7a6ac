"""What a relay takes off an outbox, whatever has happened to it meanwhile."""

from datetime import UTC, datetime

import pytest

from chassis.documents.client import connect
from chassis.documents.outbox import INDEX, UNPUBLISHED, Outbox, forget


def entries(*names: str) -> list[dict]:
    return [{"id": name, "source": "/test", "type": "ml.Test.v1", "topic": "test", "value": "{}"} for name in names]


@pytest.mark.parametrize(
    ("published", "now_there", "left"),
    [
        (["a", "b"], ["a", "b"], []),
        (["a", "b"], ["a", "b", "c"], ["c"]),
        (["a", "b"], ["b", "c"], ["c"]),  # another relay was faster with one, and one came
        (["a", "b"], ["c"], ["c"]),
        ([], ["c"], ["c"]),
        ([], [], []),
    ],
)
async def test_only_what_was_published_is_forgotten(mongo, new_name, published, now_there, left):
    async with connect(mongo) as client:
        collection = client["outbox-test"][new_name()]
        since = datetime.now(UTC)
        await collection.insert_one({"_id": "one", "_outbox": entries(*now_there), "_outbox_since": since})

        await forget(collection, [Outbox.of({"_id": "one", "_outbox": entries(*published)})])

        document = await collection.find_one({"_id": "one"})
        assert [entry["id"] for entry in document["_outbox"]] == left
        assert ("_outbox_since" in document) == bool(left)


async def test_an_outbox_that_has_grown_keeps_no_other_from_being_emptied(mongo, new_name):
    async with connect(mongo) as client:
        collection = client["outbox-test"][new_name()]
        since = datetime.now(UTC)
        for name, there in {"as-it-was": ["a"], "grown": ["b", "c"], "read-empty": ["d"]}.items():
            await collection.insert_one({"_id": name, "_outbox": entries(*there), "_outbox_since": since})
        sent = {"as-it-was": ["a"], "grown": ["b"], "read-empty": [], "gone": ["e"]}

        outboxes = [Outbox.of({"_id": name, "_outbox": entries(*published)}) for name, published in sent.items()]
        await forget(collection, outboxes)

        left = {each["_id"]: each async for each in collection.find()}
        assert {name: [entry["id"] for entry in each["_outbox"]] for name, each in left.items()} == {
            "as-it-was": [], "grown": ["c"], "read-empty": ["d"],
        }  # fmt: skip
        assert {name for name, each in left.items() if "_outbox_since" in each} == {"grown", "read-empty"}


async def test_what_is_unpublished_is_found_without_reading_what_is_published(mongo, new_name):
    async with connect(mongo) as client:
        collection = client["outbox-test"][new_name()]
        await collection.create_index(**INDEX)
        await collection.insert_many({"_id": number, "_outbox": []} for number in range(10))

        plan = (await collection.find(UNPUBLISHED).sort("_outbox_since", 1).explain())["queryPlanner"]["winningPlan"]

        assert "IXSCAN" in str(plan)
        assert "COLLSCAN" not in str(plan)
