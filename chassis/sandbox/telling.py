"""What holds sandboxes on this machine, in a service's log when it starts."""

import asyncio

import structlog

from chassis.sandbox.group import held_by

log = structlog.get_logger(__name__)


async def tell_what_holds() -> None:
    log.info("sandboxes_held", by=await asyncio.to_thread(held_by))
