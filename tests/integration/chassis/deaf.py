"""A registry whose consumers hear nothing more once it is sent SIGUSR1: `python -m tests.integration.chassis.deaf`."""

import asyncio
import signal

from chassis.service import Service
from services.registry.app import build
from services.registry.settings import Settings


def deafen(service: Service) -> None:
    """What aiokafka#1154 comes to: heartbeats go on, and nothing is fetched any more."""
    for subscription in service.consumers.subscriptions:
        subscription.consumer._fetcher._fetch_task.cancel()


async def main() -> None:
    service = build(Settings())
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, deafen, service)
    await service.run()


if __name__ == "__main__":
    asyncio.run(main())
