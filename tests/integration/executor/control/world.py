"""Everybody around the executor: who asks, who deploys, and who reads what it says."""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from chassis.bus.connection import client_options
from chassis.bus.delivery import Cause
from chassis.bus.outgoing import EventFactory
from chassis.clock import SystemClock, new_id
from schemas.deployments import DeploymentActivated
from schemas.event import Event
from schemas.executions import ExecutionCancellationRequested, ExecutionRequested
from schemas.models import ModelRegistered
from tests.conftest import KafkaServer

SAID = (
    "ml.execution.events", "ml.execution.refusals", "ml.execution.progress", "ml.execution.observations",
    "ml.executor.dlq",
)  # fmt: skip
_WAIT_S = 60.0


@dataclass(frozen=True)
class Said:
    """What the executor said, once: as (source, id) tell."""

    topic: str
    name: str
    data: dict[str, Any]
    headers: dict[str, str]


@dataclass
class World:
    producers: dict[str, AIOKafkaProducer]
    consumer: AIOKafkaConsumer
    said: dict[tuple[str, str], Said] = field(default_factory=dict)
    _numbers: dict[str, int] = field(default_factory=dict)

    async def tell(self, fact: Event) -> None:
        """A fact of another service's, numbered as that would."""
        principal = {DeploymentActivated: "deployer", ModelRegistered: "registry"}[type(fact)]
        number = self._numbers[fact.subject] = self._numbers.get(fact.subject, 0) + 1
        await self._send(principal, f"/services/{principal}", fact, sequence=number)

    async def ask(self, request: Event, *, request_id: str | None = None) -> str:
        """The id of the request; an earlier one's to deliver that again."""
        request_id = request_id or str(uuid4())
        await self._send("upstream", "/upstream/test", request, request_id=request_id)
        return request_id

    async def run(self, deployment_id: str, **said: Any) -> str:
        """Ask for an execution; its id."""
        execution_id = str(uuid4())
        await self.ask(_requested(execution_id, deployment_id, **said))
        return execution_id

    async def refused(self, deployment_id: str, **said: Any) -> str:
        """The code with which a request is refused."""
        request_id = await self.ask(_requested(str(uuid4()), deployment_id, **said))
        return (await self.answer(request_id)).data["code"]

    async def cancel(self, execution_id: str) -> str:
        return await self.ask(ExecutionCancellationRequested(execution_id=execution_id))

    async def answer(self, request_id: str) -> Said:
        """The first answer to a request."""
        named = lambda each: each.data.get("request_id") == request_id and each.name != "ExecutionFinished"  # noqa: E731
        return (await self.some(named))[0]

    async def ended(self, execution_id: str, *, seconds: float = _WAIT_S) -> dict[str, Any]:
        ends = await self.some(
            lambda each: each.name == "ExecutionFinished" and each.data["execution_id"] == execution_id,
            seconds=seconds,
        )
        return ends[0].data

    def about(self, execution_id: str, topic: str = "ml.execution.events") -> list[Said]:
        """All that was said so far of an execution."""
        return [
            each for each in self.said.values()
            if each.topic == topic and each.data.get("execution_id") == execution_id
        ]  # fmt: skip

    def names(self, execution_id: str) -> list[str]:
        return [each.name for each in self.about(execution_id)]

    async def some(self, wanted: Callable[[Said], bool], count: int = 1, *, seconds: float = _WAIT_S) -> list[Said]:
        """What is wanted, once there is so much of it."""
        deadline = time.monotonic() + seconds
        while len(found := [each for each in self.said.values() if wanted(each)]) < count:
            assert time.monotonic() < deadline, f"not said within {seconds:.0f} s"
            await self._read(timeout_ms=200)
        return found

    async def settle(self, quiet_s: float = 1.5) -> None:
        """Read until nothing more has come for a while."""
        while await self._read(timeout_ms=int(quiet_s * 1000)):
            await asyncio.sleep(0)

    async def stop(self) -> None:
        for client in (*self.producers.values(), self.consumer):
            await client.stop()

    async def _send(
        self, principal: str, source: str, event: Event, *, sequence: int | None = None, request_id: str | None = None
    ) -> None:
        factory = EventFactory(source=source, clock=SystemClock(), new_id=lambda: request_id or new_id())
        out = factory.make(event, Cause(event_id=None, correlation_id="test"), sequence=sequence)
        await self.producers[principal].send_and_wait(out.topic, out.value, key=out.key, headers=list(out.headers))

    async def _read(self, *, timeout_ms: int) -> int:
        batches = await self.consumer.getmany(timeout_ms=timeout_ms)
        records = [record for batch in batches.values() for record in batch]
        for record in records:
            headers = {name: value.decode() for name, value in record.headers}
            name = headers.get("ce_type", "ml.?.v1").split(".")[1]
            said = Said(record.topic, name, json.loads(record.value), headers)
            self.said.setdefault((headers["ce_source"], headers["ce_id"]), said)
        return len(records)


async def made_world(kafka: KafkaServer) -> World:
    """Reads from now on."""
    principals = ("upstream", "registry", "deployer")
    producers = {each: AIOKafkaProducer(acks="all", **client_options(kafka.settings(each))) for each in principals}
    consumer = AIOKafkaConsumer(
        *SAID, group_id=None, **client_options(kafka.settings("operator")), fetch_max_wait_ms=50
    )
    for client in (*producers.values(), consumer):
        await client.start()
    for partition in consumer.assignment():
        await consumer.position(partition)
    return World(producers, consumer)


def _requested(execution_id: str, deployment_id: str, **said: Any) -> ExecutionRequested:
    fields = {"execution_id": execution_id, "deployment_id": deployment_id, "trigger": "manual", **said}
    return ExecutionRequested.model_validate(fields)
