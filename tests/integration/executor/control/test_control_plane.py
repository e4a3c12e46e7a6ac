"""The executor on real servers, with a driver that does what the test says: one answer a request, one end each."""

import asyncio
from uuid import uuid4

import pytest

from schemas.executions import ExecutionRequested
from services.executor.scoring.errors import ScoringError
from tests.integration.executor.control.jobs import result_of, started
from tests.unit.executor.requests import activated

pytestmark = pytest.mark.timeout(120)


async def test_a_request_is_queued_started_and_finished(world, deploy, driver):
    deployment_id = await deploy()
    execution_id = await world.run(deployment_id)
    job = await started(driver, execution_id)
    await driver.end(result_of(job))

    finished = await world.ended(execution_id)
    (observed,) = await world.observed(execution_id)

    assert world.names(execution_id) == ["ExecutionQueued", "ExecutionStarted", "ExecutionFinished"]
    assert [each.headers["ce_sequence"] for each in world.about(execution_id)] == ["1", "2", "3"]
    assert (finished["status"], finished["attempt"], finished["rows_out"]) == ("succeeded", 1, 9)
    assert finished["output"]["manifest_uri"] == f"{job.output_prefix}manifest.json"
    assert finished["deployment_revision"] == 1
    assert "ce_sequence" not in observed.headers
    assert observed.data["attempt"] == 1
    assert len(world.about(execution_id, "ml.execution.progress")) == 1
    assert [each.key for each in job.input.objects]


async def test_a_request_close_behind_its_facts_waits_until_they_are_read(world, deploy, driver):
    deployment_id = f"d-{uuid4().hex[:12]}"
    model_id = await deploy.model()
    uri = deploy.bench.new_input(b"a,b\n1,2\n", suffix=".csv")
    fact = activated(revision=1, deployment_id=deployment_id, model_id=model_id, input={"uri": uri, "format": "csv"})
    await world.tell(fact)
    execution_id = await world.run(deployment_id)
    await driver.end(result_of(await started(driver, execution_id)))

    assert (await world.ended(execution_id))["status"] == "succeeded"


async def test_the_same_id_is_matched_or_refused_and_the_same_request_ignored(world, deploy, driver):
    deployment_id, execution_id = await deploy(), str(uuid4())
    asked = ExecutionRequested(execution_id=execution_id, deployment_id=deployment_id, trigger="manual")
    first = await world.ask(asked)
    await world.answer(first)
    await world.ask(asked, request_id=first)
    again = await world.ask(asked)
    other = await world.ask(asked.model_copy(update={"params": {"x": 1}}))

    assert (await world.answer(again)).name == "ExecutionMatched"
    assert (await world.answer(other)).data["code"] == "execution-id-conflict"
    await driver.end(result_of(await started(driver, execution_id)))
    await world.ended(execution_id)
    await world.settle()
    assert sorted(world.names(execution_id)) == sorted(
        ["ExecutionQueued", "ExecutionMatched", "ExecutionStarted", "ExecutionFinished"]
    )


async def test_what_runs_is_cancelled_and_cannot_be_cancelled_again(world, deploy, driver):
    execution_id = await world.run(await deploy())
    await started(driver, execution_id)
    stopped = driver.stopped
    asked = await world.cancel(execution_id)

    assert (await world.answer(asked)).name == "ExecutionCancelling"
    finished = await world.ended(execution_id, seconds=10)
    assert (finished["status"], driver.stopped) == ("cancelled", stopped + 1)
    assert "output" not in finished

    late = await world.cancel(execution_id)
    assert (await world.answer(late)).data["code"] == "already-finished"
    unknown = await world.cancel(str(uuid4()))
    assert (await world.answer(unknown)).data["code"] == "execution-unknown"


async def test_what_waits_is_cancelled_without_an_attempt(world, deploy, driver):
    deployment_id = await deploy()
    running = await world.run(deployment_id)
    await started(driver, running)
    waiting = await world.run(deployment_id)
    await world.cancel(waiting)

    finished = await world.ended(waiting)
    assert (finished["status"], finished["attempt"]) == ("cancelled", 0)
    await driver.end(result_of(driver.jobs[-1]))
    await world.ended(running)


async def test_a_failure_is_readable_and_one_that_may_pass_is_tried_again(world, deploy, driver):
    execution_id = await world.run(await deploy(retries=1))
    await started(driver, execution_id)
    await driver.end(ScoringError("store-unavailable", "away for a moment"))
    while (await started(driver, execution_id)).attempt == 1:
        await asyncio.sleep(0.05)
    await driver.end(ScoringError("input-corrupt", "part-3.parquet is torn", log_uri=driver.jobs[-1].output_prefix))

    finished = await world.ended(execution_id)
    assert (finished["status"], finished["attempt"]) == ("failed", 2)
    assert finished["error"] == {"code": "input-corrupt", "message": "part-3.parquet is torn"}
    assert finished["log_uri"].endswith("/attempt-2/")


async def test_an_attempt_that_takes_too_long_is_stopped(world, deploy, driver):
    execution_id = await world.run(await deploy(timeout_s=1, retries=3))
    await started(driver, execution_id)

    finished = await world.ended(execution_id, seconds=20)
    assert (finished["status"], finished["attempt"], finished["error"]["code"]) == ("timed_out", 1, "timed-out")


async def test_requests_that_cannot_be_run_are_refused_with_their_codes(world, deploy, driver):
    nowhere = {"uri": f"s3://datasets/{uuid4().hex}/", "format": "parquet"}
    dated = {"uri": "s3://datasets/sales/{{ ds }}/", "format": "parquet"}
    needs_x = {"inputs": [], "outputs": [], "params": [{"name": "x", "type": "double", "required": True}]}
    good = await deploy()

    assert await world.refused(good, input=nowhere) == "dataset-unknown"
    assert await world.refused("nobody-knows-it") == "deployment-unknown"
    assert await world.refused(good, trigger="schedule") == "trigger-not-allowed"
    assert await world.refused(good, deployment_revision=9) == "revision-unknown"
    assert await world.refused(good, params={"x": 1}) == "parameter-invalid"
    assert await world.refused(good, input=dated) == "logical-date-missing"
    assert await world.refused(await deploy(alias="champion")) == "alias-unknown"
    assert await world.refused(await deploy(version=7)) == "version-unknown"
    assert await world.refused(await deploy(model={"format": "jar"})) == "format-not-runnable"
    assert await world.refused(await deploy(model={"signature": needs_x})) == "parameter-invalid"
