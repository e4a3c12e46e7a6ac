"""How often, how long and at what something is tried again: outages and poison, told apart."""

import time
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import Final, TypeVar

from tenacity import (
    AsyncRetrying,
    retry_if_exception,
    stop_after_attempt,
    stop_after_delay,
    wait_exponential_jitter,
)

from chassis.errors import AssignmentLost, Outage, PlatformError
from chassis.outages import outages
from chassis.tasks import cancellable

T = TypeVar("T")

OUTAGE_BOUND_S: Final = 60.0
POISON_ATTEMPTS: Final = 5
POISON_BOUND_S: Final = 3.0
_PATIENCE_BACK_S: Final = 60.0
_QUICK_S: Final = 0.1

ProbeAll = Callable[[], Awaitable[str | None]]
"""Asks every dependency; the reason why one isn't fit, or None."""


def is_outage(error: BaseException) -> bool:
    """Whether waiting helps."""
    return isinstance(error, PlatformError) and error.retryable and not isinstance(error, AssignmentLost)


def _is_unknown(error: BaseException) -> bool:
    # A cancellation is no failure: tried again, the task that it is meant for would live on.
    return isinstance(error, Exception) and not isinstance(error, PlatformError)


async def through_outages(work: Callable[[], Awaitable[T]], *, bound_s: float | None = OUTAGE_BOUND_S) -> T:
    """Try `work` until it is done, with growing, jittered pauses, while its dependencies are away.

    Raises:
        Outage: still away after `bound_s` seconds (None: never gives up).
    """
    missed: set[str] = set()

    async def once() -> T:
        try:
            return await work()
        except PlatformError as error:
            if is_outage(error):
                missed.add(error.code)
                outages.goes_on(error.code, str(error))
            raise

    retrying = AsyncRetrying(
        retry=retry_if_exception(is_outage),
        wait=wait_exponential_jitter(multiplier=0.1, max=5, jitter=0.5),
        stop=stop_after_delay(bound_s) if bound_s is not None else lambda _: False,
        reraise=True,
    )
    # What is tried for ever would go on for ever where a driver swallows a cancellation.
    done = await cancellable(_last_of(retrying, once))
    for code in missed:
        outages.is_over(code)
    return done


async def told_apart(work: Callable[[], Awaitable[T]], probe: ProbeAll) -> T:
    """Do `work` once.

    Raises:
        Outage: it failed in a way that nobody knows, and a dependency is away.
        Exception: whatever it raised otherwise.
    """
    try:
        return await work()
    except PlatformError:
        raise
    except Exception as error:
        reason = await probe()
        if reason is not None:
            raise Outage(reason) from error
        raise


class Patience:
    """How long bad records may be tried again, all of one line together: a row of them costs no more than one does.

    What was used up comes back within a minute.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._left_s = POISON_BOUND_S
        self._at = monotonic()

    @property
    def left_s(self) -> float:
        back = (self._monotonic() - self._at) * POISON_BOUND_S / _PATIENCE_BACK_S
        return min(self._left_s + back, POISON_BOUND_S)

    @contextmanager
    def used(self) -> Generator[float]:
        """What is left for a record; it is charged with what it took, if it failed in the end."""
        left, begun = self.left_s, self._monotonic()
        try:
            yield left
        except Exception as error:
            if not is_outage(error):
                now = self._monotonic()
                self._left_s, self._at = max(self.left_s - (now - begun), 0.0), now
            raise


async def against_poison(
    work: Callable[[], Awaitable[T]],
    probe: ProbeAll,
    *,
    attempts: int = POISON_ATTEMPTS,
    bound_s: float = POISON_BOUND_S,
) -> T:
    """Try `work` a few times within `bound_s` seconds, unless what fails is a dependency.

    Less time makes pauses shorter, and tries fewer only where they take long.

    Raises:
        Outage: a dependency is away.
        Exception: whatever `work` raised the last time, while everything that it needs was well.
    """
    share = max(bound_s, _QUICK_S) / POISON_BOUND_S
    retrying = AsyncRetrying(
        retry=retry_if_exception(_is_unknown),
        wait=wait_exponential_jitter(multiplier=0.1 * share, max=share, jitter=0.1 * share),
        stop=stop_after_attempt(attempts) | stop_after_delay(max(bound_s, _QUICK_S)),
        reraise=True,
    )
    # Asked once, of the last failure: to ask each time takes longer than to try.
    return await told_apart(lambda: _last_of(retrying, work), probe)


async def _last_of(retrying: AsyncRetrying, work: Callable[[], Awaitable[T]]) -> T:
    # Not `retrying(work)`: tenacity takes a lambda that returns a coroutine for a plain function, and awaits nothing.
    async for attempt in retrying:
        with attempt:
            return await work()
    raise AssertionError("tenacity ends by returning or raising")
