"""The document store alone: what it has been asked, and what it can do when nobody else wants anything."""

import asyncio
import json
import time
from dataclasses import dataclass
from itertools import count
from typing import Any, Self

from pydantic import SecretStr
from pymongo import AsyncMongoClient

from infra.embedded.layout import CHECKOUT

_WRITES = ("insert", "update", "delete")
_READS = ("query", "getmore")
# As many as the platform has at a time for one kind of request: the handler, the relay, and those who follow its facts.
WRITERS = 4


def address() -> SecretStr:
    """Of the running stack's store."""
    return SecretStr(json.loads((CHECKOUT / ".run" / "stack.json").read_text())["mongo"]["url"])


@dataclass(frozen=True)
class Asked:
    """Commands that the store has served."""

    reads: int
    writes: int

    def __sub__(self, before: Self) -> "Asked":
        return Asked(self.reads - before.reads, self.writes - before.writes)


class Store:
    """The running stack's store, seen past the platform."""

    def __init__(self) -> None:
        self.client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
            address().get_secret_value(), tz_aware=True, retryWrites=False
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.close()

    async def asked(self) -> Asked:
        """All commands so far, by the server's own count."""
        counts = (await self.client.admin.command("serverStatus"))["opcounters"]
        return Asked(sum(counts[each] for each in _READS), sum(counts[each] for each in _WRITES))

    async def write_alone(self, writes: int) -> float:
        """Make so many writes of whole models as the registry stores them, by compare-and-swap; the seconds it took."""
        models = await self.client["registry"]["models"].find().limit(64).to_list()
        scratch = self.client["benchmarks"]["models"]
        await scratch.drop()
        await scratch.insert_many([{**each, "_rev": 0} for each in models])
        numbers = count()
        begun = time.monotonic()
        await asyncio.gather(*(self._write(models[each::WRITERS], numbers, writes) for each in range(WRITERS)))
        taken = time.monotonic() - begun
        await scratch.drop()
        return taken

    async def _write(self, models: list[dict[str, Any]], numbers: "count[int]", writes: int) -> None:
        scratch = self.client["benchmarks"]["models"]
        revision = 0
        while True:
            for model in models:
                if next(numbers) >= writes:
                    return
                fields = {name: value for name, value in model.items() if name != "_id"}
                await scratch.update_one(
                    {"_id": model["_id"], "_rev": revision}, {"$set": {**fields, "_rev": revision + 1}}
                )
            revision += 1
