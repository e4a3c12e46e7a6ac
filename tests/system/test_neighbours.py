"""One sender's bad models delay nobody else: while they are registered, others get their answers."""

import asyncio
import pickle
import time

import pytest
import pytest_asyncio

from chassis.tasks import end
from examples.grocery.errors import RefusalError
from tests.integration.partitions import neighbour
from tests.system.conftest import model
from tests.system.models import linear, signature

pytestmark = pytest.mark.timeout(240)

BOUND_S, LOOKED_AT_S = 5.0, 10.0
SLOW = ("waits", "forks")
"""Refused after minutes."""
SIGNATURE = signature("double", "float")


class Loaded:
    """A pickle that does this when it is loaded."""

    def __init__(self, does, *arguments) -> None:
        self._does = (does, arguments)

    def __reduce__(self):
        return self._does


def bad_models() -> dict[str, tuple[str, bytes]]:
    waits = pickle.dumps(Loaded(time.sleep, 3600))
    crashes = pickle.dumps(Loaded(exec, "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"))
    fills = pickle.dumps(Loaded(bytearray, 64 << 30))
    forks = pickle.dumps(Loaded(exec, "import os\nwhile True: os.fork()"))
    return {
        "waits": ("sklearn", waits),
        "crashes": ("sklearn", crashes),
        "fills": ("sklearn", fills),
        "forks": ("sklearn", forks),
        "loops": ("xgboost", b'{"learner": ' * 100_000),
        "points": ("lightgbm", b"tree\nversion=v4\nnum_class=1\nTree=0\nnum_leaves=2\nleft_child=100000000\n"),
        "nothing": ("onnx", b""),
    }


@pytest_asyncio.fixture
async def updated(upstream):
    """Asks for an update of a model of its own, whose requests come behind another's; how long the answer took."""

    async def update(behind: str) -> float:
        name = neighbour(behind, lambda: f"{upstream.name}-{time.monotonic_ns()}")
        await upstream.register_model(name, linear(), SIGNATURE, "onnx")

        async def measured() -> float:
            began = time.monotonic()
            await upstream.ask("ModelUpdateRequested", name, model_id=name, description=str(began))
            return time.monotonic() - began

        return measured

    return update


@pytest.mark.parametrize("kind", bad_models())
async def test_while_a_bad_model_is_registered_others_are_answered(upstream, updated, kind):
    bad, (model_format, content) = f"{upstream.name}-bad", bad_models()[kind]
    measured = await updated(bad)
    uri = f"s3://models/incoming/{upstream.name}/{bad}.{model_format}"
    await upstream.put(uri, content)
    asking = asyncio.create_task(
        upstream.ask("ModelRegistrationRequested", bad, **model(bad, uri, SIGNATURE, model_format))
    )
    longest, until = 0.0, time.monotonic() + LOOKED_AT_S
    while not asking.done() and time.monotonic() < until:
        longest = max(longest, await measured())
        await asyncio.sleep(0.2)

    assert longest < BOUND_S
    if kind in SLOW:
        await end(asking)
    else:
        with pytest.raises(RefusalError):
            await asking
