"""Times and causes as the executor writes them down."""

from datetime import datetime

from chassis.bus.delivery import Cause, Delivery
from chassis.clock import Clock
from services.executor.domain.terms import Origin


def now(clock: Clock) -> datetime:
    """In whole milliseconds: the document store keeps no more."""
    moment = clock.now()
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def origin_of(delivery: Delivery) -> Origin:
    cause = delivery.cause
    return Origin(event_id=delivery.request_id, correlation_id=cause.correlation_id, traceparent=cause.traceparent)


def cause_of(origin: Origin) -> Cause:
    """Whatever becomes of an execution comes of the request for it."""
    return Cause(event_id=origin.event_id, correlation_id=origin.correlation_id, traceparent=origin.traceparent)
