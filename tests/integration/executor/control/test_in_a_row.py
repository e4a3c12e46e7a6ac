"""Many small executions, one after another: each has its end, soon.

What a driver swallows it swallows once in so many times: about one in eighty of these once never ended.
"""

import asyncio
import itertools
import time

import numpy as np
import pytest
from skl2onnx import to_onnx
from sklearn.linear_model import LinearRegression

from tests.integration.executor.bench import features, frame
from tests.integration.executor.control.jobs import result_of
from tests.unit.executor.fakes import FakeScoring

SOON_S = 5.0
MANY = 2000


class Prompt(FakeScoring):
    """Has its result after a few milliseconds, each time a little later: at every moment of what else goes on."""

    def __init__(self) -> None:
        super().__init__()
        self._pauses_s = itertools.cycle(step / 4000 for step in range(60))

    async def run(self, job, *, on_progress, on_begun, on_answered, lease_s):
        on_begun()
        await asyncio.sleep(next(self._pauses_s))
        return result_of(job)


async def in_a_row(world, deployment_id: str, count: int) -> list[float]:
    """Ask for one execution after another; the seconds that each took to its end."""
    took: list[float] = []
    for _ in range(count):
        begun = time.monotonic()
        finished = await world.ended(await world.run(deployment_id), seconds=SOON_S)
        took.append(time.monotonic() - begun)
        assert (finished["status"], finished["attempt"]) == ("succeeded", 1)
        world.seen.clear()
    print(f"{count} executions: median {np.median(took):.3f} s, longest {max(took):.3f} s")  # noqa: T201
    return took


@pytest.mark.parametrize("count", [150, pytest.param(MANY, marks=[pytest.mark.long, pytest.mark.timeout(1200)])])
async def test_every_one_of_many_executions_ends_soon(world, deploy, make_executor, count):
    async with make_executor(Prompt):
        assert max(await in_a_row(world, await deploy(), count)) < SOON_S


@pytest.mark.long
@pytest.mark.timeout(2400)
async def test_every_one_of_many_executions_on_spark_ends_soon(world, deploy, bench, start_executor):
    training = features(500, seed=7)
    model = LinearRegression().fit(frame(training), training["f0"].to_numpy() * 3)
    raw = to_onnx(model, np.zeros((1, 4))).SerializeToString()
    kept = bench.model(raw, "model.onnx", format="onnx")
    fields = [{"name": f"f{n}", "type": "double", "required": True} for n in range(4)]
    onnx = {
        "format": "onnx",
        "artifact": {"uri": kept.uri, "sha256": kept.sha256, "size_bytes": len(raw)},
        "signature": {"inputs": fields, "outputs": [], "params": []},
    }
    executor = start_executor()
    await asyncio.to_thread(executor.await_ready)
    deployment_id = await deploy(model=onnx)
    warm_up = await world.run(deployment_id)
    await world.ended(warm_up)
    assert max(await in_a_row(world, deployment_id, MANY)) < SOON_S
