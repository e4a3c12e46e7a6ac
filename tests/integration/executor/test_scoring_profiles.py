"""What a deployment's `resources` give to its executions."""

import json
from typing import Any

import pytest

from services.executor.scoring.settings import ScoringSettings
from services.executor.scoring.warm_driver import WarmDriver
from tests.integration.executor.bench import Bench, features, predicting, score

# A child's own namespace says which it is; a moment's work gives every core its part.
WHICH = "(__import__('time').sleep(0.1), __import__('os').stat('/proc/self/ns/pid').st_ino)[1]"
MEMORY = "__import__('resource').getrlimit(9)[0]"


async def answers(bench: Bench, driver: WarmDriver, resources: str, asked: str) -> tuple[set[float], Any]:
    """What the children that scored said, and what was planned."""
    model = bench.code(predicting(f"np.full(len(rows), float({asked}))"))
    outcome = await score(driver, bench.job(bench.parquet(features(8_000)), model, resources=resources))
    assert outcome.rows_out == 8_000
    lines = [json.loads(line) for line in bench.fetch(outcome.log_uri).decode().splitlines()]
    [planned] = [line for line in lines if line["event"] == "planned"]
    return set(bench.read(outcome).rows["prediction"].to_pylist()), planned


async def test_a_profile_bounds_the_cores(bench: Bench, driver: WarmDriver) -> None:
    two, planned = await answers(bench, driver, "small", WHICH)
    assert (len(two), planned["cores"]) == (2, 2)

    one, planned = await answers(bench, driver, "large", WHICH)
    assert (len(one), planned["cores"]) == (1, 1)
    assert planned["splits"] > 1


@pytest.mark.parametrize(("resources", "factor"), [("small", 1), ("large", 1.5)])
async def test_a_profile_sets_the_memory_of_a_child(
    bench: Bench, driver: WarmDriver, scoring_settings: ScoringSettings, resources: str, factor: float
) -> None:
    limits, _ = await answers(bench, driver, resources, MEMORY)

    assert limits == {scoring_settings.sandbox.memory_bytes * factor}
