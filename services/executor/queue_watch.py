"""How long the queue is, for `/metrics`."""

import asyncio
from dataclasses import dataclass
from typing import Final

from chassis.bus.perseverance import through_outages
from chassis.documents.client import Collection, translated
from services.executor.telemetry import QUEUED

EVERY_S: Final = 5.0


@dataclass(frozen=True)
class QueueWatch:
    """Counts what waits now and then; every executor shows the same queue."""

    executions: Collection
    every_s: float = EVERY_S

    async def once(self) -> None:
        """Raises: DocumentsUnavailable."""
        with translated():
            QUEUED.set(await self.executions.count_documents({"state": "queued"}))

    async def run(self) -> None:
        while True:
            await through_outages(self.once, bound_s=None)
            await asyncio.sleep(self.every_s)
