"""A thousand executions, and two processes that both want all of them."""

import asyncio
import os
import sys
from collections import Counter
from uuid import uuid4

from pydantic import TypeAdapter

from chassis.documents.client import connect
from infra.embedded.layout import CHECKOUT
from services.executor.domain.execution import Execution
from services.executor.store import Executions
from tests.unit.executor.fakes import NOON
from tests.unit.executor.requests import queued

COUNT, LOST = 1000, 100


def documents() -> list[dict]:
    """Executions as they are stored; of the last ones an attempt has begun whose owner is gone."""
    adapter, made = TypeAdapter(Execution), []
    for number in range(COUNT):
        execution = queued(execution_id=str(uuid4()), retries=3)
        if number >= COUNT - LOST:
            execution.start("gone", NOON)
        fields = adapter.dump_python(execution, exclude={"events"})
        made.append({"_id": execution.execution_id, **fields, "_rev": 1, "_sequence": 1 + execution.attempt})
    return made


async def claimed_by(database: str, collection: str, *names: str, url: str) -> dict[str, list[list[str]]]:
    """What each of the processes says it claimed: execution, attempt and owner."""
    command = [sys.executable, "-m", "tests.integration.executor.control.claimer", database, collection]
    pipes = {"stdin": asyncio.subprocess.PIPE, "stdout": asyncio.subprocess.PIPE}
    environment = {**os.environ, "MLP_MONGO_URL": url}
    processes = [
        await asyncio.create_subprocess_exec(*command, name, cwd=CHECKOUT, env=environment, **pipes) for name in names
    ]
    said = await asyncio.gather(*(each.communicate(b"go\n") for each in processes))
    assert [each.returncode for each in processes] == [0] * len(names)
    return {name: _claims(out.decode()) for name, (out, _) in zip(names, said, strict=True)}


def _claims(said: str) -> list[list[str]]:
    """Without what it logged."""
    return [line.split()[1:] for line in said.splitlines() if line.startswith("claimed ")]


async def test_two_processes_never_own_the_same_attempt(mongo, new_name):
    async with connect(mongo) as client:
        collection = client["claims-test"][new_name()]
        await Executions(collection).prepare()
        await collection.insert_many(documents())

        said = await claimed_by("claims-test", collection.name, "one", "two", url=mongo.url.get_secret_value())

        stored = await collection.find({}).to_list()
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
