"""Updates of many models at a steady rate, beside whatever else goes on."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any, Final

import obstore

from tests.chaos.collecting import bucket
from tests.chaos.sender import Sender

KIND: Final = "ModelUpdateRequested"
_MODELS: Final = 20
# The head of LightGBM's own text format; it is registered here and never scored.
_TREE: Final = (
    b"tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx=0\nend of trees\n"
)


async def flow(sender: Sender, connections: Mapping[str, Any], *, seed: int, rate_hz: float, minutes: float) -> None:
    """Ask so often for so long, and wait for every answer; what isn't answered in time is the checker's to find."""
    models = [f"f{seed}-{number}" for number in range(_MODELS)]
    await asyncio.gather(*(_register(sender, connections, each) for each in models))
    begun = time.monotonic()
    async with asyncio.TaskGroup() as tasks:
        for number in range(round(rate_hz * minutes * 60)):
            await asyncio.sleep(max(0.0, begun + number / rate_hz - time.monotonic()))
            tasks.create_task(_update(sender, models[number % len(models)], number))


async def _register(sender: Sender, connections: Mapping[str, Any], model_id: str) -> None:
    key = f"incoming/{model_id}/model.txt"
    await obstore.put_async(bucket(connections["s3"], "models"), key, _TREE, use_multipart=False)
    asked = {
        "model_id": model_id,
        "name": model_id,
        "description": "Updated all the time.",
        "function": "other",
        "owner": "chaos",
        "markets": ["*"],
        "brands": [],
        "format": "lightgbm",
        "artifact": {"uri": f"s3://models/{key}"},
    }
    await sender.ask("ModelRegistrationRequested", model_id, asked, "ModelRegistered")


async def _update(sender: Sender, model_id: str, number: int) -> None:
    asked = {"model_id": model_id, "description": f"The {number}th update."}
    try:
        await sender.ask(KIND, model_id, asked, "ModelUpdated")
    except TimeoutError:
        return
