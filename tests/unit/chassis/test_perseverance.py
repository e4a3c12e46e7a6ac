import asyncio

import pytest

from chassis.bus.perseverance import against_poison, through_outages


async def _well() -> None:
    return None


@pytest.mark.parametrize("persevere", [lambda work: against_poison(work, _well), through_outages])
async def test_a_cancellation_is_not_tried_again(persevere):
    tries = 0

    async def work() -> None:
        nonlocal tries
        tries += 1
        await asyncio.sleep(60)

    task = asyncio.create_task(persevere(work))
    await asyncio.sleep(0)
    task.cancel()
    done, _ = await asyncio.wait((task,), timeout=5)
    assert done
    assert task.cancelled()
    assert tries <= 1
