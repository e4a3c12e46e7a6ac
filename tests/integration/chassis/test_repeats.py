"""One distinct request, one answer: whatever came in between, and however its source and its id are written."""

import asyncio
import json

import pytest

from chassis.documents.inbox import INBOX_LENGTH
from tests.integration.outsider import attributes

pytestmark = pytest.mark.timeout(120)

UPDATE = "ml.ModelUpdateRequested.v1"


async def test_a_request_that_comes_again_after_many_others_is_not_answered_again(counting, outsider, new_name):
    model_id = new_name()
    first = await outsider.send(model_id, description="first")
    others = [await outsider.send(model_id, description=str(number)) for number in range(INBOX_LENGTH + 6)]
    for each in (first, *others):
        await outsider.answer(each)

    await outsider.send(model_id, ce_id=first, description="first")
    last = await outsider.answer(await outsider.send(model_id, description="last"))

    assert len(outsider.to(first)) == 1
    assert last.data["changes"]["description"] == str(len(others) + 2)
    # The relay has published before it shortens.
    async with asyncio.timeout(10):
        while await inbox_length(counting, model_id) != INBOX_LENGTH:
            await asyncio.sleep(0.05)


async def inbox_length(counting, model_id) -> int:
    return len((await counting.service.database["counted"].find_one({"_id": model_id}))["_inbox"])


@pytest.mark.parametrize("description", ["fine", "unwanted"])
async def test_requests_whose_sources_and_ids_read_alike_in_a_row_are_two(counting, outsider, new_name, description):
    model_id, number = new_name(), new_name()
    body = json.dumps({"model_id": model_id, "description": description}).encode()
    for source, request_id in (("/upstream/a", f"b/{number}"), ("/upstream/a/b", number)):
        await outsider.raw(body, model_id, attributes(UPDATE, model_id, source=source, id=request_id))

    for request_id in (f"b/{number}", number):
        answer = await outsider.answer(request_id)
        assert (answer.code == "unwanted") is (description == "unwanted")


async def test_one_id_from_two_sources_is_two_requests(counting, outsider, new_name):
    model_id, request_id = new_name(), new_name()
    body = json.dumps({"model_id": model_id, "description": "fine"}).encode()
    for source in ("/upstream/a", "/upstream/b", "/upstream/a"):
        await outsider.raw(body, model_id, attributes(UPDATE, model_id, source=source, id=request_id))

    last = await outsider.answer(await outsider.send(model_id, description="last"))

    assert len(outsider.to(request_id)) == 2
    assert last.data["changes"]["description"] == "3"
