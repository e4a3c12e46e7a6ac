"""What a relay takes off an outbox, whatever has happened to it meanwhile."""

from datetime import UTC, datetime

import pytest

from chassis.documents.client import connect
from chassis.documents.outbox import _forgetting


def entries(*names: str) -> list[dict]:
    return [{"id": name, "value": "{}"} for name in names]


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

        await collection.bulk_write(_forgetting({"_id": "one", "_outbox": entries(*published)}))

        document = await collection.find_one({"_id": "one"})
        assert [entry["id"] for entry in document["_outbox"]] == left
        assert ("_outbox_since" in document) == bool(left)
