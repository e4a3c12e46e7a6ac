"""A service as a task of the test, which can look into it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from chassis.service import Service
from chassis.tasks import end


@asynccontextmanager
async def living(service: Service) -> AsyncGenerator[Service]:
    """A service's life without its page and its signals: ready when the block begins, stopped at its end."""
    async with service.objects:
        life = asyncio.create_task(service._live())
        try:
            async with asyncio.timeout(60):
                while any((await service.health.report()).values()):
                    if life.done():
                        await life
                    await asyncio.sleep(0.05)
            yield service
        finally:
            await service.consumers.stop()
            await end(life)
            await service._drain()
            await service._close()
