"""What is counted of an attempt."""

import math

from prometheus_client import REGISTRY

from services.executor.scoring.errors import ScoringError
from tests.unit.executor.requests import outcome


def sample(name, **labels):
    return REGISTRY.get_sample_value(f"mlp_executor_{name}", labels) or 0


async def test_endings_rows_seconds_and_bytes_are_counted(bench):
    names = [
        ("attempts_total", {"ending": "succeeded", "code": ""}),
        ("rows_total", {"outcome": "scored"}),
        ("rows_total", {"outcome": "rejected"}),
        ("work_seconds_total", {"phase": "read"}),
        ("bytes_total", {"direction": "written"}),
    ]
    before = [sample(name, **labels) for name, labels in names]
    task = await bench.begin()
    assert sample("running_attempts") == 1
    await bench.scoring.end(outcome(metrics={"read_s": 1.5, "bytes_written": 700.0}))
    await task

    after = [sample(name, **labels) for name, labels in names]
    assert [end - begin for end, begin in zip(after, before, strict=True)] == [1, 9, 1, 1.5, 700]
    assert sample("running_attempts") == 0


async def test_a_figure_that_is_no_number_spoils_no_counter_and_no_ending(bench):
    task = await bench.begin()
    await bench.scoring.end(outcome(metrics={"score_s": float("nan"), "read_s": -1.0, "load_s": float("inf")}))
    await task

    assert bench.end.status == "succeeded"
    assert all(math.isfinite(sample("work_seconds_total", phase=phase)) for phase in ("score", "read", "load"))


async def test_a_failed_attempt_is_counted_by_its_code_even_if_another_follows(bench):
    labels = {"ending": "failed", "code": "store-unavailable"}
    before = sample("attempts_total", **labels)
    task = await bench.begin(retries=1)
    await bench.scoring.end(ScoringError("store-unavailable", "only this one"))
    await task

    assert sample("attempts_total", **labels) == before + 1


async def test_an_end_whose_answer_was_lost_is_counted_once(bench):
    labels = {"ending": "succeeded", "code": ""}
    before = sample("attempts_total", **labels), sample("rows_total", outcome="scored")
    task = await bench.begin()
    bench.store.answers_lost = 2
    await bench.scoring.end(outcome())
    await task

    assert bench.end.status == "succeeded"
    after = sample("attempts_total", **labels), sample("rows_total", outcome="scored")
    assert (after[0] - before[0], after[1] - before[1]) == (1, 9)
