"""A thousand executions, and two processes that both want all of them."""

import asyncio
import os
import sys
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from pydantic import TypeAdapter

from chassis.documents.client import connect
from infra.embedded.layout import CHECKOUT
from services.executor.domain.execution import Execution
from services.executor.store import Executions
from tests.unit.executor.fakes import NOON
from tests.unit.executor.requests import queued

COUNT, LOST = 1000, 100
AT_ONCE = 30


def documents() -> list[dict]:
    """Executions as they are stored; of every tenth an attempt has begun whose owner is gone."""
    adapter, made = TypeAdapter(Execution), []
    for number in range(COUNT):
        execution = queued(execution_id=str(uuid4()), retries=3)
        if number % (COUNT // LOST) == 0:
            execution.start("gone", NOON)
        fields = adapter.dump_python(execution, exclude={"events"})
        made.append({"_id": execution.execution_id, **fields, "_rev": 1, "_sequence": 1 + execution.attempt})
    return made


@asynccontextmanager
async def claiming(database: str, collection: str, outputs: dict[str, Path], *, url: str) -> AsyncGenerator[None]:
    """A process for each name in `outputs`, which write there what they claim and end with the block."""
    command = [sys.executable, "-m", "tests.integration.executor.control.claimer", database, collection]
    environment = {**os.environ, "MLP_MONGO_URL": url}
    async with AsyncExitStack() as ending:
        for name, path in outputs.items():
            output = ending.enter_context(path.open("wb"))
            process = await asyncio.create_subprocess_exec(
                *command, name, cwd=CHECKOUT, env=environment, stdin=asyncio.subprocess.PIPE, stdout=output
            )
            process.stdin.write(b"go\n")
            ending.push_async_callback(_ended, process)
        yield


async def _ended(process: asyncio.subprocess.Process) -> None:
    process.stdin.close()
    assert await asyncio.wait_for(process.wait(), 30) == 0


async def feed(collection) -> None:
    """A few at a time: a claim is as quick as the queue is short."""
    waiting = documents()
    async with asyncio.timeout(120):
        while waiting or await _has(collection, "queued") or await _has(collection, "running"):
            if waiting and await collection.count_documents({"state": "queued"}) < AT_ONCE:
                await collection.insert_many(waiting[:AT_ONCE])
                del waiting[:AT_ONCE]
            await asyncio.sleep(0.1)


async def _has(collection, state: str) -> bool:
    return await collection.find_one({"state": state}, {"_id": 1}) is not None


def _claims(said: str) -> list[list[str]]:
    """Without what it logged."""
    return [line.split()[1:] for line in said.splitlines() if line.startswith("claimed ")]


@pytest.mark.long
async def test_two_processes_never_own_the_same_attempt(mongo, new_name, tmp_path):
    outputs = {name: tmp_path / name for name in ("one", "two")}
    async with connect(mongo) as client:
        collection = client["claims-test"][new_name()]
        await Executions(collection).prepare()
        async with claiming("claims-test", collection.name, outputs, url=mongo.url.get_secret_value()):
            await feed(collection)
        stored = await collection.find({}).to_list()
    said = {name: _claims(path.read_text()) for name, path in outputs.items()}
    claims = {(execution_id, int(attempt)): owner for lines in said.values() for execution_id, attempt, owner in lines}
    facts = [entry for each in stored for entry in each["_outbox"]]
    begun = [
        (each["subject"], body["attempt"], body["executor_id"])
        for each in facts
        if each["type"] == "ml.ExecutionStarted.v1"
        for body in [_body(each)]
    ]
    assert len(claims) == sum(map(len, said.values())) == COUNT, "two owners were given the same attempt"
    assert {(execution_id, attempt): owner for execution_id, attempt, owner in begun} == claims
    assert len(begun) == COUNT
    assert Counter(attempt for _, attempt, _ in begun) == {1: COUNT - LOST, 2: LOST}
    assert all(len(lines) > COUNT // 10 for lines in said.values()), "there was no race"
    for each in stored:
        assert [entry["sequence"] for entry in each["_outbox"]] == [each["_sequence"] - 1, each["_sequence"]]
        assert (each["state"], each["attempt"]) == ("failed", each["_sequence"] - 2)


def _body(entry: dict) -> dict:
    return TypeAdapter(dict).validate_json(entry["value"])
