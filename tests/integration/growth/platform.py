"""Registry, deployer and executor as processes, and an upstream system that measures how long their answers take."""

import statistics
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import ExitStack, asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Final
from uuid import uuid4

from chassis.objects import Location, Objects
from schemas.deployments import DeploymentRequested
from schemas.event import Event
from schemas.executions import ExecutionRequested
from schemas.models import ModelUpdateRequested, VersionPromotionRequested
from tests.integration.kafka import KafkaServer
from tests.integration.outsider import Outsider
from tests.integration.process import starting
from tests.unit.executor.requests import dataset, registered
from tests.unit.registry.requests import registration
from tests.unit.registry.samples import zipped

COLUMNS: Final = tuple(f"column_{number:04}" for number in range(1000))
SIGNATURE: Final = {
    "inputs": [{"name": name, "type": "double", "required": True} for name in COLUMNS],
    "outputs": [],
    "params": [],
}
_TOPICS: Final = [f"ml.{kind}.{end}" for kind in ("model", "deployment", "execution") for end in ("events", "refusals")]
_MODULES: Final = {
    "registry": "services.registry",
    "deployer": "services.deployer",
    "executor": "tests.integration.growth.executor",
}
_WARM_UP, _MEASURED = 3, 20

Ask = Callable[[], Awaitable[Event]]
"""Makes the next request of its kind."""


class Platform:
    """What can be asked of it, and how long the answers take."""

    def __init__(
        self, kafka: KafkaServer, objects: Objects, environments: Mapping[str, Mapping[str, str]], logs: Path
    ) -> None:
        self._kafka = kafka
        self._objects = objects
        self._environments = environments
        self._logs = logs
        self._numbers = count(1)
        self.sales = f"sales-{uuid4().hex[:8]}"
        self.own = f"own-{uuid4().hex[:8]}"
        self.known = f"known-{uuid4().hex[:8]}"

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[Outsider]:
        """All services, ready, and somebody to ask them; stopped at the end."""
        with ExitStack() as stack:
            for name, module in _MODULES.items():
                environment = self._environments[name]
                stack.enter_context(starting(name, environment, self._logs, module=module))().await_ready()
            async with Outsider(self._kafka, *_TOPICS, principals=("upstream", "registry")) as outsider:
                yield outsider

    async def make(self, outsider: Outsider) -> None:
        """One small model of the registry's, one that only others know, and a data set with all columns."""
        await self._objects.put(Location("datasets", f"{self.sales}/1.parquet"), b"never read")
        columns = dict.fromkeys(COLUMNS, "double")
        sales = dataset(columns, dataset_id=self.sales, uri=f"s3://datasets/{self.sales}/")
        await outsider.state("registry", sales)
        await outsider.state("registry", registered(model_id=self.known, signature=SIGNATURE))
        await outsider.asked(await self.registration(self.own))

    async def measured(self, outsider: Outsider, *, own: str, known: str | None = None) -> dict[str, float]:
        """The median time from a request to its fact in milliseconds, by kind."""
        kinds: dict[str, Ask] = {
            "update": lambda: self._update(own),
            "promotion": lambda: self._promotion(own),
            "registration": lambda: self.registration(own),
        }
        if known is not None:
            deployment_id = f"d-{uuid4().hex[:8]}"
            kinds["deployment"] = lambda: self._deployment(known, deployment_id)
            kinds["execution"] = lambda: self._execution(deployment_id)
        return {kind: await self._median_ms(outsider, ask) for kind, ask in kinds.items()}

    async def _median_ms(self, outsider: Outsider, ask: Ask) -> float:
        taken: list[float] = []
        for _ in range(_WARM_UP + _MEASURED):
            request = await ask()
            begin = time.perf_counter()
            answer = await outsider.asked(request)
            taken.append((time.perf_counter() - begin) * 1000)
            assert not answer.code, answer.data
        return statistics.median(taken[_WARM_UP:])

    async def _update(self, model_id: str) -> Event:
        return ModelUpdateRequested(model_id=model_id, description=f"The {next(self._numbers)}th.")

    async def _promotion(self, model_id: str) -> Event:
        return VersionPromotionRequested(model_id=model_id, version=1, alias="champion")

    async def registration(self, model_id: str) -> Event:
        """A version whose bytes nobody has seen before."""
        path = f"growth/{uuid4().hex}.jar"
        content = zipped("META-INF/MANIFEST.MF", f"org/example/Model{next(self._numbers)}.class")
        await self._objects.put(Location("models", f"incoming/{path}"), content)
        artifact = {"uri": f"s3://models/incoming/{path}"}
        return registration(model_id=model_id, format="jar", artifact=artifact, signature=SIGNATURE)

    async def _deployment(self, model_id: str, deployment_id: str) -> Event:
        return DeploymentRequested.model_validate(
            {
                "deployment_id": deployment_id,
                "name": "Growth",
                "model_id": model_id,
                "version": 1,
                "market": "FR",
                "input": {"uri": f"s3://datasets/{self.sales}/", "format": "parquet"},
            }
        )

    async def _execution(self, deployment_id: str) -> Event:
        return ExecutionRequested(execution_id=str(uuid4()), deployment_id=deployment_id, trigger="manual")
