"""What one team asks of the platform, from a model's registration to its archival: requests of every type."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from io import BytesIO
from random import Random
from typing import Any, Final
from uuid import uuid4

import obstore
import pyarrow as pa
import pyarrow.parquet as pq
from obstore.exceptions import BaseError

from tests.chaos.collecting import bucket
from tests.chaos.history import Record
from tests.chaos.sender import Sender
from tests.system.models import boosted, linear, sales, signature

ROWS: Final = 200
RETRIES: Final = 10
REQUESTS: Final = 34
"""How many messages a story sends, repeats not counted."""
_PAUSE_S: Final = 0.5
_SCOPE: Final = {"markets": ["FR", "DE"], "brands": []}
_TIMES: Final = {True: 2, False: 1}


@dataclass(frozen=True)
class Format:
    """A model's format with the data that it is fed."""

    name: str
    data: str
    output: str


ONNX, SKLEARN = Format("onnx", "parquet", "float"), Format("sklearn", "csv", "double")


@cache
def _artifact(name: str) -> bytes:
    return linear() if name == ONNX.name else boosted()[0]


@cache
def _rows(data: str) -> bytes:
    """Of a CSV one row breaks the signature."""
    frame = sales(ROWS)
    if data == "csv":
        lines = frame.astype(str)
        lines.loc[17, "price"] = "a lot"
        return lines.to_csv(index=False).encode()
    buffer = BytesIO()
    pq.write_table(pa.Table.from_pandas(frame), buffer)
    return buffer.getvalue()


@dataclass
class Story:
    """One model, data set and deployment with everything that is asked about them. `ends` are its executions'."""

    name: str
    sender: Sender
    s3: Mapping[str, str]
    chance: Random
    ends: list[Record] = field(default_factory=list[Record])

    async def tell(self) -> None:
        """Raises: TimeoutError, when something isn't answered."""
        first, second = self.chance.sample([ONNX, SKLEARN], 2)
        await asyncio.gather(self._register(first, "ModelRegistered"), self._register_dataset(first))
        await self._promote(1, "VersionPromoted")
        await asyncio.gather(self._deploy(first), self._ask_amiss(), self._observe())
        await asyncio.gather(self._execute_all(), self._pause(), self._describe())
        await self._upgrade(first, second)
        await self._leave()

    async def _ask(self, kind: str, subject: str, *expects: str, **data: Any) -> Record:
        return await self.sender.ask(kind, subject, data, *expects, times=_TIMES[self.chance.random() < 0.1])

    async def _put(self, name: str, key: str, content: bytes) -> str:
        store = bucket(self.s3, name)
        while True:
            try:
                await obstore.put_async(store, key, content, use_multipart=False)
            except (BaseError, OSError):
                await asyncio.sleep(_PAUSE_S)
            else:
                return f"s3://{name}/{key}"

    async def _register(self, which: Format, *expects: str) -> None:
        uri = await self._put("models", f"incoming/{self.name}/m.{which.name}", _artifact(which.name))
        await self._ask(
            "ModelRegistrationRequested",
            self.name,
            *expects,
            model_id=self.name,
            name=self.name,
            description="Made under load.",
            function="other",
            owner="chaos",
            format=which.name,
            artifact={"uri": uri},
            signature=signature("double", which.output),
            **_SCOPE,
        )

    async def _register_dataset(self, which: Format) -> None:
        uri = await self._put("datasets", f"{self.name}/rows.{which.data}", _rows(which.data))
        described = {"dataset_id": self.name, "name": self.name, "uri": uri, "format": which.data}
        await self._ask("DatasetRegistrationRequested", self.name, "DatasetRegistered", **described, **_SCOPE)

    async def _promote(self, version: int, *expects: str, **more: Any) -> None:
        asked = {"model_id": self.name, "version": version, "alias": "champion", **more}
        await self._ask("VersionPromotionRequested", self.name, *expects, **asked)

    async def _deploy(self, which: Format) -> None:
        uri = f"s3://datasets/{self.name}/rows.{which.data}"
        input_ = {"uri": uri, "format": which.data}
        described = {"model_id": self.name, "alias": "champion", "market": "FR", "retries": RETRIES, "input": input_}
        for name, after in ((self.name, []), (f"{self.name}-after", [self.name])):
            asked = {"deployment_id": name, "name": name, "after": after, **described}
            await self._ask("DeploymentRequested", name, "DeploymentActivated", **asked)

    async def _ask_amiss(self) -> None:
        """What has to be refused, and what nobody can read."""
        stranger = f"{self.name}-stranger"
        await self._promote(9, "version-unknown")
        await self._ask("ModelUpdateRequested", stranger, "model-unknown", model_id=stranger, name="x")
        input_ = {"uri": f"s3://datasets/{self.name}/", "format": "csv"}
        named = {"deployment_id": stranger, "name": "x", "model_id": stranger}
        asked = {**named, "version": 1, "market": "FR", "input": input_}
        await self._ask("DeploymentRequested", stranger, "model-unknown", **asked)
        unknown = str(uuid4())
        await self._ask("ExecutionCancellationRequested", unknown, "execution-unknown", execution_id=unknown)
        topic = f"ml.{self.chance.choice(['model', 'dataset', 'deployment', 'execution'])}.requests"
        await self.sender.tell_nonsense(topic, b"\x00\xff", {"ce_type": "ml.ModelUpdateRequested.v1"})
        await self.sender.tell_nonsense("ml.metric.observations", b"{}", {"ce_type": "ml.NeverHeardOf.v1"})

    async def _observe(self) -> None:
        at = datetime.now(UTC).isoformat()
        points = [{"metric": "wape", "time": at, "value": self.chance.random()} for _ in range(3)]
        await self.sender.tell("MetricsObserved", self.name, {"model_id": self.name, "points": points})
        series = [{"time": at, "value": self.chance.random(), "labels": {"store": str(n)}} for n in range(3)]
        await self.sender.tell("SeriesObserved", self.name, {"series_id": self.name, "points": series})
        await self.sender.tell("SeriesObserved", self.name, {"series_id": self.name, "points": []}, "schema-invalid")

    async def _execute_all(self) -> None:
        simple = (self._execute(self.name, str(uuid4())) for _ in range(2))
        await asyncio.gather(*simple, self._execute_and_match(), self._execute_and_cancel())

    async def _run(self, deployment_id: str, execution_id: str, *expects: str) -> None:
        asked = {"execution_id": execution_id, "deployment_id": deployment_id, "trigger": "manual"}
        await self._ask("ExecutionRequested", execution_id, *expects, **asked)

    async def _execute(self, deployment_id: str, execution_id: str) -> None:
        await self._run(deployment_id, execution_id, "ExecutionQueued")
        self.ends.append(await self.sender.end_of(execution_id))

    async def _execute_and_match(self) -> None:
        execution_id = str(uuid4())
        await self._execute(self.name, execution_id)
        await self._run(self.name, execution_id, "ExecutionMatched")
        await self._run(f"{self.name}-after", execution_id, "execution-id-conflict")

    async def _execute_and_cancel(self) -> None:
        execution_id = str(uuid4())
        running = asyncio.create_task(self._execute(self.name, execution_id))
        await asyncio.sleep(self.chance.uniform(0.5, 2))
        # Unknown: the request's acknowledgement was lost and it is being sent again.
        allowed = ("ExecutionCancelling", "already-finished", "execution-unknown")
        await self._ask("ExecutionCancellationRequested", execution_id, *allowed, execution_id=execution_id)
        await running

    async def _pause(self) -> None:
        which = f"{self.name}-after"
        for action, fact in (("pause", "DeploymentPaused"), ("resume", "DeploymentResumed")):
            await self._ask("DeploymentChangeRequested", which, fact, deployment_id=which, action=action)

    async def _describe(self) -> None:
        for number in range(3):
            asked = {"model_id": self.name, "description": f"Told for the {number}th time."}
            await self._ask("ModelUpdateRequested", self.name, "ModelUpdated", **asked)

    async def _upgrade(self, first: Format, second: Format) -> None:
        await self._register(first, "ModelRegistrationMatched")
        await self._register(second, "ModelRegistered")
        await self._promote(2, "version-conflict", expected_version=7)
        await self._promote(2, "VersionPromoted", expected_version=1)
        await self._execute(f"{self.name}-after", str(uuid4()))

    async def _leave(self) -> None:
        steps: list[Callable[[], Awaitable[Any]]] = [
            lambda: self._ask(
                "DeploymentChangeRequested", self.name, "DeploymentRetired", deployment_id=self.name, action="retire"
            ),
            lambda: self._ask("DatasetRetirementRequested", self.name, "DatasetRetired", dataset_id=self.name),
            lambda: self._ask("ModelArchivalRequested", self.name, "ModelArchived", model_id=self.name),
        ]
        for step in steps:
            await step()
