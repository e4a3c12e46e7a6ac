"""From sending a request to reading its fact, beside what the bus alone takes to bring the request itself."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import obstore
from aiokafka import AIOKafkaConsumer

from benchmarks.result import Result, Row
from examples.grocery.bus import Bus
from examples.grocery.events import Message, read_message
from examples.grocery.objects import Buckets
from examples.grocery.stack import Stack, read_stack
from infra.embedded.layout import CHECKOUT

RATE_HZ = 20
REQUESTS = 600
TIMEOUT_S = 30.0
_MODEL_ID = "bench-latency"
_ARTIFACT = "s3://models/incoming/bench/latency.txt"
# The head of LightGBM's own text format; it is registered here and never scored.
_TREE = b"tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx=0\nend of trees\n"


@dataclass
class Arrivals:
    """When each request was sent, when it was on its topic, and when its fact was."""

    sent: dict[str, float] = field(default_factory=dict)
    requests: dict[str, float] = field(default_factory=dict)
    facts: dict[str, float] = field(default_factory=dict)

    def note(self, message: Message, now: float) -> None:
        if message.topic == "ml.model.requests":
            self.requests[message.id] = now
        else:
            self.facts[str(message.data.get("request_id"))] = now

    def milliseconds(self, arrived: dict[str, float]) -> list[float]:
        return [(arrived[each] - since) * 1000 for each, since in self.sent.items() if each in arrived]


async def run() -> Result:
    """Updates of one model at a steady rate, each answered by a fact."""
    stack = read_stack(CHECKOUT / ".run" / "stack.json")
    arrivals = Arrivals()
    async with Bus(stack.kafka) as bus:
        await _register(bus, stack)
        watching = asyncio.create_task(_watch(stack, arrivals, ready := asyncio.Event()))
        await ready.wait()
        await _send_paced(bus, arrivals)
        async with asyncio.timeout(TIMEOUT_S):
            await watching
    bare, whole = arrivals.milliseconds(arrivals.requests), arrivals.milliseconds(arrivals.facts)
    rows = [_row("request → fact", whole, q, bare) for q in (50, 99)]
    rows += [_row("request on its topic (the bus alone)", bare, q) for q in (50, 99)]
    return Result(
        "latency", f"Latency at {RATE_HZ} requests a second", rows, {"rate_hz": RATE_HZ, "requests": REQUESTS}
    )


def _row(name: str, taken: list[float], percentile: int, limit: list[float] | None = None) -> Row:
    value = float(np.percentile(taken, percentile))
    if limit is None:
        return Row(f"{name}, p{percentile}", value, "ms")
    return Row(f"{name}, p{percentile}", value, "ms", value / float(np.percentile(limit, percentile)), "the bus alone")


async def _register(bus: Bus, stack: Stack) -> None:
    store, key = Buckets(stack.objects).at(_ARTIFACT)
    await obstore.put_async(store, key, _TREE)
    registration = {
        "model_id": _MODEL_ID,
        "name": "Latency benchmark",
        "description": "Registered by the benchmark; its description changes all the time.",
        "function": "other",
        "owner": "benchmarks",
        "markets": ["*"],
        "brands": [],
        "format": "lightgbm",
        "artifact": {"uri": _ARTIFACT},
    }
    request = _request("ModelRegistrationRequested", registration)
    await bus.ask(request, answers={"ModelRegistered", "ModelRegistrationMatched"})


async def _send_paced(bus: Bus, arrivals: Arrivals) -> None:
    begun = time.monotonic()
    sending: list[asyncio.Task[None]] = []
    for number in range(REQUESTS):
        await asyncio.sleep(max(0.0, begun + number / RATE_HZ - time.monotonic()))
        update = {"model_id": _MODEL_ID, "description": f"Update {number} of a run begun at {begun}."}
        request = _request("ModelUpdateRequested", update)
        arrivals.sent[request.id] = time.monotonic()
        sending.append(asyncio.create_task(bus.send(request)))
    await asyncio.gather(*sending)


async def _watch(stack: Stack, arrivals: Arrivals, ready: asyncio.Event) -> None:
    # Only an operator may read both the requests and the facts, and one reader times them alike.
    options = stack.kafka.client("operator")
    consumer = AIOKafkaConsumer("ml.model.requests", "ml.model.events", **options, fetch_max_wait_ms=20)
    await consumer.start()
    try:
        await consumer.seek_to_end()
        for partition in consumer.assignment():
            await consumer.position(partition)
        ready.set()
        while len(arrivals.sent.keys() & arrivals.facts.keys()) < REQUESTS:
            record = await consumer.getone()
            arrivals.note(read_message(record.topic, record.headers, record.value or b"{}"), time.monotonic())
    finally:
        await consumer.stop()


def _request(name: str, data: dict[str, Any]) -> Message:
    return Message(topic="ml.model.requests", type=name, subject=_MODEL_ID, data=data, correlation_id="bench-latency")
