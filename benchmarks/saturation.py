"""More requests than the platform can take at a time, beside what the document store alone does for the same writes."""

from collections.abc import Iterator
from itertools import islice

from benchmarks.result import Result, Row
from benchmarks.store import WRITERS, Store
from benchmarks.subjects import changes, make_deployments, make_models, mixed, updates
from benchmarks.traffic import Traffic
from examples.grocery.events import Message
from examples.grocery.stack import Stack, read_stack
from infra.embedded.layout import CHECKOUT

MODELS = 64
REQUESTS = 600
TIMEOUT_S = 240.0


async def run() -> Result:
    """All requests are on the bus within seconds; what counts is when the last one is answered."""
    stack = read_stack(CHECKOUT / ".run" / "stack.json")
    models = await make_models(stack, MODELS)
    deployments = await make_deployments(stack, models)
    rows = await _measure(stack, "model updates", updates(models))
    rows += await _measure(stack, "updates, pauses, resumes", mixed(updates(models), changes(deployments)))
    conditions = {"requests": REQUESTS, "models": MODELS, "store_writers": WRITERS}
    return Result("saturation", "Requests at saturation", rows, conditions)


async def _measure(stack: Stack, name: str, requests: Iterator[Message]) -> list[Row]:
    async with Traffic(stack.kafka) as traffic, Store() as store:
        before = await store.asked()
        taken = await traffic.at_once(islice(requests, REQUESTS), timeout_s=TIMEOUT_S)
        asked = await store.asked() - before
        alone = await store.write_alone(asked.writes)
    return [
        Row(name, REQUESTS / taken, "requests/s", alone / taken, "the store alone, for as many writes"),
        Row(f"{name}: the store alone", asked.writes / alone, "writes/s"),
        Row(f"{name}: reads of the store", asked.reads / REQUESTS, "a request"),
        Row(f"{name}: writes to the store", asked.writes / REQUESTS, "a request"),
    ]
