"""A real service, killed with work in hand: everything that was asked is answered once."""

import json
from collections import Counter

import pytest

from tests.integration.registry.process import RegistryProcess

from .test_service import answers, header

pytestmark = pytest.mark.timeout(180)


def distinct_answers(outsider):
    """How many events, told apart by source and id, answer each request."""
    events = {
        (header(each, "ce_source"), header(each, "ce_id")): json.loads(each.value)["request_id"]
        for each in outsider.seen
        if each.topic != "ml.registry.dlq"
    }
    return Counter(events.values())


async def test_a_service_killed_again_and_again_gives_each_request_one_answer(
    kafka, mongo, s3, service_environment, outsider, new_name, tmp_path
):
    environment = {**service_environment("registry"), "MLP_KAFKA_SESSION_TIMEOUT_MS": "6000"}
    model_ids = [new_name() for _ in range(8)]
    # Nobody has registered these models, so the answers are refusals: they need no artifacts.
    asked = [await outsider.send(model_id, description=str(n)) for n in range(25) for model_id in model_ids]

    def answered(record):
        return record.topic != "ml.registry.dlq" and json.loads(record.value).get("request_id") in asked

    for kill in range(3):
        process = RegistryProcess(environment, tmp_path / f"registry-{kill}.log")
        try:
            await outsider.wait_for(answered, len([each for each in outsider.seen if answered(each)]) + 20)
        finally:
            process.kill()
    assert len(distinct_answers(outsider)) < len(asked), "it was through before it was killed"

    last = RegistryProcess(environment, tmp_path / "registry-last.log")
    try:
        for request_id in asked:
            await outsider.wait_for(answers(request_id), seconds=60)
        await outsider.nothing_more(lambda r: r.topic == "ml.registry.dlq", 0, seconds=7)
    finally:
        assert last.stop() == 0

    assert {each: distinct_answers(outsider)[each] for each in asked} == dict.fromkeys(asked, 1)
