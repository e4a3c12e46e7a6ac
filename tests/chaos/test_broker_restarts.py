"""The broker is killed, and stopped, again and again under load: each time every consumer group goes on within a minute.

`MLP_TEST_RESTARTS` says how often.
"""

import asyncio
import os
import statistics
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

import pytest

from chassis.errors import BusUnavailable
from chassis.offsets.groups import Groups
from infra.embedded.services import SERVICES
from tests.chaos import platform, proxied
from tests.chaos.platform import Platform
from tests.chaos.work import Work, outsider
from tests.integration.kafka import KafkaServer

ROUNDS: Final = int(os.environ.get("MLP_TEST_RESTARTS", "20"))
WITHIN_S: Final = 60.0
_EVERY_S: Final = 1.5
_LOOK_S: Final = 0.5

pytestmark = [pytest.mark.long, pytest.mark.timeout(180 + 90 * ROUNDS)]


@pytest.fixture
def running() -> Iterator[Platform]:
    with platform.running(proxied.ONE_OF_EACH) as made:
        yield made


async def test_every_group_goes_on_within_a_minute_of_each_of_many_restarts(running: Platform) -> None:
    groups = Groups(KafkaServer(dict(running.connections["kafka"])).settings("operator"))
    pids = {each: running.pid(each) for each in running.services}
    took: list[float] = []
    async with outsider(running.connections) as hearing:
        work = Work(running.connections, hearing)
        await work.prepare()
        async with _load(work):
            await _progress(groups, await _offsets(groups), within_s=WITHIN_S)
            for number in range(ROUNDS):
                before = await _offsets(groups)
                begun = time.monotonic()
                running.kill("kafka") if number % 2 else running.terminate("kafka")
                await _progress(groups, before, within_s=WITHIN_S)
                took.append(time.monotonic() - begun)
                print(f"restart {number + 1}: {took[-1]:.1f} s")  # noqa: T201 - what was measured
        await work.answered(seconds=120)
        await work.check()
    print(  # noqa: T201 - what was measured
        f"{len(took)} restarts, {len(before)} groups: {min(took):.1f} / {statistics.median(took):.1f} / {max(took):.1f} s"
    )
    assert len({name.split(".")[0] for name in before}) == len(SERVICES)
    assert {each: running.pid(each) for each in running.services} == pids


@asynccontextmanager
async def _load(work: Work) -> AsyncIterator[None]:
    """A little of everything, all the time."""

    async def go_on() -> None:
        while True:
            await work.ask(updates=1, points=2)
            await asyncio.sleep(_EVERY_S)

    asking = asyncio.create_task(go_on())
    try:
        yield
    finally:
        assert not asking.done(), asking.exception()
        asking.cancel()
        await asyncio.wait((asking,))


async def _progress(groups: Groups, before: Mapping[str, int], *, within_s: float) -> None:
    """Return when the broker, started anew, has seen each group come further than it was before."""
    behind = set(before)
    deadline = time.monotonic() + within_s
    while behind:
        assert time.monotonic() < deadline, f"no progress: {sorted(behind)}"
        await asyncio.sleep(_LOOK_S)
        try:
            now = await _offsets(groups)
        except BusUnavailable:
            continue
        behind = {each for each in behind if now[each] <= before[each]}


async def _offsets(groups: Groups) -> dict[str, int]:
    """How many records each group has done with."""
    found: defaultdict[str, int] = defaultdict(int)
    for each in await groups.positions():
        found[each.group] += each.offset
    return found
