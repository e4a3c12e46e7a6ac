"""A consumer that hears nothing any more ends its process, and the next one answers what came meanwhile."""

import signal

import pytest

from tests.integration.process import starting

pytestmark = [pytest.mark.long, pytest.mark.timeout(180)]

_STUCK_AFTER_S = 8


async def test_a_deaf_consumer_ends_its_process_and_the_next_one_answers(
    kafka, mongo, s3, service_environment, outsider, new_name, tmp_path
):
    environment = {
        **service_environment("registry"),
        "MLP_KAFKA_SESSION_TIMEOUT_MS": "6000",
        "MLP_REGISTRY_STUCK_AFTER_S": str(_STUCK_AFTER_S),
    }
    with starting("registry", environment, tmp_path, module="tests.integration.chassis.deaf") as start:
        deaf = start()
        deaf.await_ready()
        heard = await outsider.send(new_name(), description="heard")
        await outsider.answer(heard)
        deaf.signal(signal.SIGUSR1)
        asked = [await outsider.send(new_name(), description="unheard") for _ in range(20)]

        code = deaf.await_end(within_s=_STUCK_AFTER_S + 30)
        unanswered = [each for each in asked if not outsider.to(each)]
        start().await_ready()
        for each in asked:
            await outsider.answer(each)

    assert code not in (0, None)
    assert '"event": "consumer_stuck"' in deaf.said()
    assert unanswered == asked
    await outsider.settle()
    assert {len(outsider.to(each)) for each in (heard, *asked)} == {1}
