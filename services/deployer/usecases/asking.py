"""Who asked, from a delivery."""

from chassis.bus.delivery import Delivery
from chassis.clock import Clock
from services.deployer.domain.deployment import Asked


def asked(delivery: Delivery, clock: Clock) -> Asked:
    """Now, in whole milliseconds: the document store keeps no more."""
    now = clock.now()
    at = now.replace(microsecond=now.microsecond // 1000 * 1000)
    return Asked(by=delivery.actor.subject, request_id=delivery.request_id, at=at)
