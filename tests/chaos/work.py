"""Ordinary work for a platform: a model, its data and its deployment, and what is asked of them."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Mapping
from io import BytesIO
from typing import Any, Final
from uuid import uuid4

import asyncpg
import obstore
import pyarrow as pa
import pyarrow.parquet as pq
from obstore.store import S3Store

from tests.integration.kafka import KafkaServer
from tests.integration.outsider import Outsider, Said, attributes
from tests.system.models import linear, sales, signature

_KINDS: Final = ("model", "dataset", "deployment", "execution", "metric")
TOPICS: Final = (
    *(f"ml.{kind}.events" for kind in _KINDS),
    *(f"ml.{kind}.refusals" for kind in _KINDS),
    *(f"ml.{service}.dlq" for service in ("registry", "deployer", "executor", "metrics")),
)
_TOPIC_OF: Final = {
    "Model": "ml.model.requests",
    "Dataset": "ml.dataset.requests",
    "Deployment": "ml.deployment.requests",
    "Execution": "ml.execution.requests",
    "Metrics": "ml.metric.observations",
}
_ROWS: Final = 20
_SCOPE: Final[Mapping[str, Any]] = {"markets": ["FR"], "brands": []}


class Work:
    """One upstream system's. What is asked is remembered, so that `check` can tell what became of it.

    Args:
        connections: what the servers' own `stack.json` says: their objects and tables are reached past any proxy.
        outsider: speaks and hears as `upstream` and `operator`.
    """

    def __init__(self, connections: Mapping[str, Any], outsider: Outsider) -> None:
        self._s3: Mapping[str, str] = connections["s3"]
        self._dsn: str = connections["postgres"]["dsn"]
        self._outsider = outsider
        self.name = f"w-{uuid4().hex[:10]}"
        self.asked: list[str] = []
        self.executions: list[str] = []
        self.points = 0

    async def prepare(self) -> None:
        """Bring a model and its data, and deploy it."""
        table = BytesIO()
        pq.write_table(pa.Table.from_pandas(sales(_ROWS)), table)
        await self._put("datasets", f"{self.name}/sales.parquet", table.getvalue())
        await self._dataset(self.name)
        await self.register_model()
        deployment = {"deployment_id": self.name, "name": self.name, "model_id": self.name, "version": 1}
        deployment |= {"market": "FR", "input": {"uri": f"s3://datasets/{self.name}/", "format": "parquet"}}
        await self._ask("Deployment", self.name, deployment)
        await self.answered()

    async def register_model(self) -> None:
        """Lay the model's file down and have it registered; the same file again is the same version."""
        await self._put("models", f"incoming/{self.name}.onnx", linear())
        model = {"model_id": self.name, "name": self.name, "description": "For a test", "function": "other"}
        model |= {"owner": "tests", "format": "onnx", "signature": signature("double", "float"), **_SCOPE}
        model["artifact"] = {"uri": f"s3://models/incoming/{self.name}.onnx"}
        await self._ask("ModelRegistration", self.name, model)
        await self.answered()

    async def ask(self, *, executions: int = 1, updates: int = 5, points: int = 7) -> None:
        """Ask for something of every kind; return when the bus has it all."""
        for number in range(updates):
            await self._ask("ModelUpdate", self.name, {"model_id": self.name, "description": f"update {number}"})
        await self._dataset(f"{self.name}-{len(self.asked)}")
        for action in ("pause", "resume"):
            await self._ask("DeploymentChange", self.name, {"deployment_id": self.name, "action": action})
        for _ in range(executions):
            execution_id = str(uuid4())
            self.executions.append(execution_id)
            body = {"execution_id": execution_id, "deployment_id": self.name, "trigger": "manual"}
            await self._ask("Execution", execution_id, body)
        await self._observe(points)

    async def answered(self, *, seconds: float = 60.0) -> None:
        """Return when everything has been answered, has ended and is in the tables."""
        await self._outsider.until(lambda: not self.open(), seconds=seconds)
        async with asyncio.timeout(seconds):
            while await self.stored() < self.points:
                await asyncio.sleep(0.2)

    def open(self) -> list[str]:
        """What has no answer yet, and which executions haven't ended."""
        answers, ends = self._answers(), self._ends()
        return [each for each in self.asked if each not in answers] + [
            each for each in self.executions if not ends[each]
        ]

    async def check(self) -> None:
        """Everything was answered once and in order, and nothing was given up on."""
        await self._outsider.settle(1.0)
        assert {each: count for each, count in self._answers().items() if count != 1} == {}
        assert {each: self._ends()[each] for each in self.executions if self._ends()[each] != 1} == {}
        assert [each.headers for each in self._outsider.seen if each.is_dead_letter] == []
        assert await self.stored() == self.points
        states = {each.data["execution_id"]: each.data["status"] for each in self._finished()}
        assert {each: states[each] for each in self.executions if states[each] != "succeeded"} == {}
        for subject, numbers in self._sequences().items():
            assert numbers == list(range(1, len(numbers) + 1)), f"{subject}: {numbers}"

    async def stored(self) -> int:
        """How many of our points are in the tables."""
        connection = await asyncpg.connect(self._dsn, timeout=5)
        try:
            query = "SELECT count(*) FROM metrics WHERE model_id = $1 AND execution_id IS NULL"
            return await connection.fetchval(query, self.name)
        finally:
            await connection.close()

    async def _dataset(self, dataset_id: str) -> None:
        body = {"dataset_id": dataset_id, "name": dataset_id, "uri": f"s3://datasets/{self.name}/", "format": "parquet"}
        await self._ask("DatasetRegistration", dataset_id, {**body, **_SCOPE})

    async def _observe(self, count: int) -> None:
        now = time.time()
        points = [{"metric": "mae", "time": _utc(now - number), "value": float(number)} for number in range(count)]
        await self._send("ml.MetricsObserved.v1", self.name, {"model_id": self.name, "points": points})
        self.points += count

    async def _ask(self, kind: str, subject: str, body: Mapping[str, Any]) -> None:
        self.asked.append(await self._send(f"ml.{kind}Requested.v1", subject, body))

    async def _send(self, event_type: str, subject: str, body: Mapping[str, Any]) -> str:
        headers = attributes(event_type, subject)
        topic = next(topic for prefix, topic in _TOPIC_OF.items() if event_type.startswith(f"ml.{prefix}"))
        await self._outsider.write(topic, json.dumps(body).encode(), key=subject, headers=headers)
        return headers["ce_id"]

    async def _put(self, bucket: str, key: str, data: bytes) -> None:
        store = S3Store(
            bucket,
            endpoint=self._s3["endpoint"],
            access_key_id=self._s3["access_key"],
            secret_access_key=self._s3["secret_key"],
            region="us-east-1",
            client_options={"allow_http": True},
        )
        await obstore.put_async(store, key, data)

    def _answers(self) -> Counter[str]:
        mine = set(self.asked)
        return Counter(each.data["request_id"] for each in self._facts() if each.data.get("request_id") in mine)

    def _ends(self) -> Counter[str]:
        return Counter(each.data["execution_id"] for each in self._finished())

    def _facts(self) -> list[Said]:
        return self._outsider.find(lambda each: not each.is_dead_letter and each.name != "ExecutionFinished")

    def _finished(self) -> list[Said]:
        return self._outsider.find(lambda each: not each.is_dead_letter and each.name == "ExecutionFinished")

    def _sequences(self) -> dict[str, list[int]]:
        """The numbers of each aggregate's facts, as they came; an event that came twice is one."""
        found: dict[str, list[int]] = {}
        for each in self._outsider.find(lambda each: each.topic.endswith(".events")):
            found.setdefault(f"{each.topic} {each.key}", []).append(each.sequence)
        return found


def outsider(connections: Mapping[str, Any]) -> Outsider:
    """Whoever hears all that is said on a platform's bus."""
    return Outsider(KafkaServer(dict(connections["kafka"])), *TOPICS)


def _utc(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
