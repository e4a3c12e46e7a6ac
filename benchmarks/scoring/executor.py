"""The platform: its scoring engine alone, and all of it, from a request on the bus to the fact that it is done."""

import json
import time
from collections.abc import Sequence
from typing import Any

from benchmarks.scoring.cases import Case
from benchmarks.scoring.contender import OUTPUTS, Scored
from benchmarks.subjects import execution
from chassis.settings import S3Settings
from examples.grocery.bus import Bus
from examples.grocery.errors import DemoError
from examples.grocery.events import Message
from services.executor.scoring.objects import RESULTS, Bucket, parse_uri
from services.executor.scoring.warm_driver import WarmDriver

_TIMEOUT_S = 900.0


class Engine:
    """A job handed to a warm driver."""

    name = "executor, scoring only"

    def __init__(self, driver: WarmDriver, s3: S3Settings) -> None:
        self._driver, self._results = driver, Bucket(s3, RESULTS)

    async def score(self, case: Case) -> Scored:
        job = case.job(f"{OUTPUTS}/engine/")
        began = time.perf_counter()
        outcome = await self._driver.run(job, on_progress=lambda _: None)
        return Scored(time.perf_counter() - began, part_keys(self._results, outcome.manifest_uri))


class Platform:
    """Requests on the bus of the running stack, and when their facts come."""

    name = "executor, request → fact"

    def __init__(self, bus: Bus, s3: S3Settings) -> None:
        self._bus, self._results = bus, Bucket(s3, RESULTS)
        self._ended: dict[str, float] = {}
        bus.listen(self._note)

    async def score(self, case: Case) -> Scored:
        [(seconds, finished)] = await self.run_all([case.deployment_id])
        return Scored(seconds, self.keys_of(finished))

    async def run_all(self, deployment_ids: Sequence[str]) -> list[tuple[float, Message]]:
        """Ask for all at once; each one's seconds and its `ExecutionFinished`, in their order."""
        requests = [execution(each) for each in deployment_ids]
        sent: dict[str, float] = {}
        for request in requests:
            sent[request.subject] = time.perf_counter()
            await self._bus.send(request)
        finished = [await self._finished(request) for request in requests]
        return [(self._ended[each.subject] - sent[each.subject], each) for each in finished]

    def keys_of(self, finished: Message) -> list[str]:
        return part_keys(self._results, finished.data["output"]["manifest_uri"])

    async def _finished(self, request: Message) -> Message:
        finished = await self._bus.first(
            lambda message: message.subject == request.subject and message.type == "ExecutionFinished",
            waiting_for=f"the end of execution {request.subject}",
            timeout_s=_TIMEOUT_S,
        )
        if finished.data["status"] != "succeeded":
            raise DemoError(f"execution {request.subject} {finished.data['status']}: {finished.data.get('error')}")
        return finished

    def _note(self, message: Message) -> None:
        if message.type == "ExecutionFinished":
            self._ended[message.subject] = time.perf_counter()


def part_keys(results: Bucket, manifest_uri: str) -> list[str]:
    """As a manifest lists them."""
    manifest: dict[str, Any] = json.loads(bytes(results.get(parse_uri(manifest_uri, bucket=RESULTS))))
    return [part["key"] for part in manifest["parts"]]
