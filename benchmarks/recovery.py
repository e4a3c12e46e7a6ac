"""What an execution loses when something under it is killed: from kill -9 to its next attempt's start, and to its end.

The executor's driver, its JVM and the executor itself are killed in turn, each a few times, each in the middle of an
execution of ten seconds. `RECOVERY_ROUNDS` (3) says how often.
"""

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, Final
from uuid import uuid4

import numpy as np
import obstore
import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.memory import programs
from benchmarks.result import Result, Row
from benchmarks.subjects import request
from examples.grocery.bus import Bus
from examples.grocery.errors import DemoError
from examples.grocery.events import Message
from examples.grocery.objects import Buckets
from examples.grocery.stack import Stack, read_stack
from infra.embedded.layout import CHECKOUT

ID: Final = "bench-recovery"
OBJECTS: Final = 20
BOUND_S: Final = 15.0
LEASE_S: Final = float(os.environ.get("MLP_EXECUTOR_LEASE_S", "15"))
_MODEL: Final = "s3://models/incoming/benchmarks/slow.py"
_ROWS: Final = "s3://datasets/benchmarks/slow/"
_SIGNATURE: Final = {"inputs": [{"name": "f0", "type": "double", "required": True}], "outputs": [], "params": []}
# A second for each object, two at a time.
_MODULE: Final = b"""
import time
def load(path):
    return None
def predict(model, batch):
    time.sleep(1)
    return batch["f0"]
"""
_TIMEOUT_S: Final = 180.0
_IN_THE_MIDDLE_S: Final = 2.0

Find = Callable[[], int]
"""The process to be killed."""


@dataclass
class Losses:
    """Seconds from a kill to what followed it."""

    to_start: list[float] = field(default_factory=list[float])
    to_end: list[float] = field(default_factory=list[float])

    def rows(self, what: str, bound_s: float, named: str) -> list[Row]:
        start, longest, end = float(np.median(self.to_start)), max(self.to_start), float(np.median(self.to_end))
        return [
            Row(f"{what} killed → next attempt starts, median", start, "s", start / bound_s, named),
            Row(f"{what} killed → next attempt starts, longest", longest, "s", longest / bound_s, named),
            Row(f"{what} killed → execution ends, median", end, "s"),
        ]


async def run() -> Result:
    """Kill, and wait for what follows; leaves the stack up."""
    rounds = int(os.environ.get("RECOVERY_ROUNDS", "3"))
    stack = read_stack(CHECKOUT / ".run" / "stack.json")
    victims: list[tuple[str, Find, float, str]] = [
        ("driver", _driver, BOUND_S, f"the bound of {BOUND_S:.0f} s"),
        ("JVM", _jvm, BOUND_S, f"the bound of {BOUND_S:.0f} s"),
        ("executor", _executor, LEASE_S + BOUND_S, f"the lease and {BOUND_S:.0f} s"),
    ]
    rows: list[Row] = []
    async with Bus(stack.kafka) as bus:
        await _prepare(stack, bus)
        for what, find, bound_s, named in victims:
            losses = Losses()
            for _ in range(rounds):
                await _ready(stack)
                await _lose(bus, find, losses)
            rows += losses.rows(what, bound_s, named)
    conditions = {"rounds": rounds, "lease_s": LEASE_S, "load": os.getloadavg()[0]}
    return Result("recovery", "From kill -9 to the next attempt", rows, conditions)


async def _lose(bus: Bus, find: Find, losses: Losses) -> None:
    execution_id = str(uuid4())
    wanted = {"execution_id": execution_id, "deployment_id": ID, "trigger": "manual"}
    await bus.ask(request("ExecutionRequested", execution_id, wanted), answers={"ExecutionQueued"})
    await _heard(bus, "ExecutionStarted", execution_id, attempt=1)
    await asyncio.sleep(_IN_THE_MIDDLE_S)
    psutil.Process(find()).kill()
    killed_at = time.monotonic()
    await _heard(bus, "ExecutionStarted", execution_id, attempt=2)
    losses.to_start.append(time.monotonic() - killed_at)
    finished = await _heard(bus, "ExecutionFinished", execution_id, attempt=2)
    losses.to_end.append(time.monotonic() - killed_at)
    if finished.data["status"] != "succeeded":
        raise DemoError(f"the execution {execution_id} has {finished.data['status']}: {finished.data.get('error')}")


async def _heard(bus: Bus, name: str, execution_id: str, *, attempt: int) -> Message:
    def wanted(message: Message) -> bool:
        about = message.data.get("execution_id"), message.data.get("attempt")
        return message.type == name and about == (execution_id, attempt)

    return await bus.first(wanted, waiting_for=f"{name} of {execution_id}", timeout_s=_TIMEOUT_S)


async def _ready(stack: Stack) -> None:
    """Wait until everybody is well again."""
    deadline = time.monotonic() + _TIMEOUT_S
    while True:
        try:
            return await asyncio.to_thread(stack.check_ready)
        except DemoError:
            if time.monotonic() > deadline:
                raise
        await asyncio.sleep(0.5)


def _executor() -> int:
    return programs()["executor"]


def _driver() -> int:
    return _below(lambda each: "services.executor.scoring.driver" in each.cmdline())


def _jvm() -> int:
    return _below(lambda each: each.name() == "java")


def _below(wanted: Callable[[psutil.Process], bool]) -> int:
    return next(each.pid for each in psutil.Process(_executor()).children(recursive=True) if wanted(each))


async def _prepare(stack: Stack, bus: Bus) -> None:
    """A model that takes its time, and rows in many objects, deployed."""
    buckets = Buckets(stack.objects)
    store, key = buckets.at(_MODEL)
    await obstore.put_async(store, key, _MODULE)
    for number in range(OBJECTS):
        store, key = buckets.at(f"{_ROWS}{number:02d}.parquet")
        await obstore.put_async(store, key, _parquet())
    scope: dict[str, Any] = {"markets": ["*"], "brands": []}
    described = {"name": ID, "description": "Takes a second a chunk.", "function": "other", "owner": "benchmarks"}
    model = {"model_id": ID, "format": "python", "artifact": {"uri": _MODEL}, "signature": _SIGNATURE}
    registration = request("ModelRegistrationRequested", ID, {**model, **described, **scope})
    answer = await bus.ask(registration, answers={"ModelRegistered", "ModelRegistrationMatched"})
    rows = {"uri": _ROWS, "format": "parquet"}
    dataset = request("DatasetRegistrationRequested", ID, {"dataset_id": ID, "name": ID, **rows, **scope})
    await bus.ask(dataset, answers={"DatasetRegistered"})
    deployment = {"deployment_id": ID, "name": ID, "model_id": ID, "version": answer.data["version"], "market": "*"}
    await bus.ask(request("DeploymentRequested", ID, {**deployment, "input": rows}), answers={"DeploymentActivated"})


def _parquet() -> bytes:
    buffer = BytesIO()
    pq.write_table(pa.table({"f0": np.arange(1000, dtype=np.float64)}), buffer)
    return buffer.getvalue()
