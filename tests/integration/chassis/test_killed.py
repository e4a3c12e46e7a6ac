"""A real service, killed with work in hand: everything that was asked is answered once."""

from collections import Counter

import pytest

from tests.integration.process import starting

pytestmark = pytest.mark.timeout(180)


async def test_a_service_killed_again_and_again_gives_each_request_one_answer(
    kafka, mongo, s3, service_environment, outsider, new_name, tmp_path
):
    environment = {**service_environment("registry"), "MLP_KAFKA_SESSION_TIMEOUT_MS": "6000"}
    model_ids = [new_name() for _ in range(8)]
    # Nobody has registered these models, so the answers are refusals: they need no artifacts.
    asked = [await outsider.send(model_id, description=str(n)) for n in range(25) for model_id in model_ids]

    def answers():
        return outsider.find(lambda each: not each.is_dead_letter and each.data["request_id"] in asked)

    async def some_more_answers():
        enough = len(answers()) + 20
        await outsider.until(lambda: len(answers()) >= enough)

    with starting("registry", environment, tmp_path) as start:
        for _ in range(3):
            process = start()
            await some_more_answers()
            process.kill()
        assert len(answers()) < len(asked), "it was through before it was killed"

        last = start()
        await outsider.until(lambda: len(answers()) == len(asked))
        await outsider.nothing_more(lambda each: each.is_dead_letter, 0, seconds=7)
        assert last.stop() == 0

    assert Counter(each.data["request_id"] for each in answers()) == dict.fromkeys(asked, 1)
