"""From sending a request to reading its fact, beside what the bus alone takes to bring the request itself."""

from itertools import islice

import numpy as np

from benchmarks.result import Result, Row
from benchmarks.subjects import make_models, updates
from benchmarks.traffic import Traffic
from examples.grocery.stack import Stack, read_stack
from infra.embedded.layout import CHECKOUT

RATES_HZ = (20, 50)
SECONDS = 30
MODELS = 64
TIMEOUT_S = 30.0
_PERCENTILES = (50, 99)


async def run() -> Result:
    """Updates of many models at each steady rate, each answered by a fact."""
    stack = read_stack(CHECKOUT / ".run" / "stack.json")
    models = await make_models(stack, MODELS)
    rows = [row for rate_hz in RATES_HZ for row in _rows(await measured(stack, models, rate_hz=rate_hz), rate_hz)]
    return Result("latency", "From request to fact", rows, {"seconds": SECONDS, "models": MODELS})


async def measured(stack: Stack, models: list[str], *, rate_hz: float, seconds: float = SECONDS) -> Traffic:
    """Traffic of updates at a steady rate, all of it answered."""
    async with Traffic(stack.kafka) as traffic:
        await traffic.paced(islice(updates(models), int(rate_hz * seconds)), rate_hz)
        await traffic.answered(timeout_s=TIMEOUT_S)
    return traffic


def _rows(traffic: Traffic, rate_hz: float) -> list[Row]:
    def row(name: str, taken: list[float], percentile: int, limit: list[float] | None = None) -> Row:
        value, named = float(np.percentile(taken, percentile)), f"{rate_hz:g}/s, {name}, p{percentile}"
        if limit is None:
            return Row(named, value, "ms")
        return Row(named, value, "ms", value / float(np.percentile(limit, percentile)), "the bus alone")

    rows = [row("request → fact", traffic.answered_ms, each, traffic.heard_ms) for each in _PERCENTILES]
    return rows + [row("request on its topic (the bus alone)", traffic.heard_ms, each) for each in _PERCENTILES]
