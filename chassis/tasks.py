"""Ends tasks for certain. Nothing else may cancel one: tests/contract/test_cancellations.py looks at all of the code.

Before Python 3.12 `asyncio.wait_for`, in which drivers wait, swallows a cancellation that comes with an answer
(python/cpython#86296). What is cancelled once may then live on, and whoever waits for it waits for ever.
"""

import asyncio
from collections.abc import Awaitable, Coroutine
from contextlib import suppress
from contextvars import Context
from typing import Any, Final, TypeVar

import structlog

log = structlog.get_logger(__name__)

T = TypeVar("T")

# Long enough for a driver that has heard it to tidy up: its connections come back to their pool meanwhile.
_AGAIN_S: Final = 0.5
_REPORT_AFTER: Final = 20


async def end(*tasks: asyncio.Future[Any]) -> None:
    """Cancel `tasks`, again and again, and return when all have ended.

    What one came to in the same moment is not lost: its result or error stays in it, to be looked at. A cancellation of
    the caller goes on when they have ended.
    """
    cancelled: asyncio.CancelledError | None = None
    tries = 0
    while pending := [each for each in tasks if not each.done()]:
        tries += 1
        if tries % _REPORT_AFTER == 0:
            log.error("task_does_not_end", tasks=[_described(each) for each in pending], tries=tries)
        for each in pending:
            each.cancel()
        try:
            await asyncio.wait(pending, timeout=_AGAIN_S)
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled


async def finish(work: Awaitable[T]) -> T:
    """What `work` comes to, which no cancellation of the caller stops; it goes on when the work is done.

    For what has to be tidied up. `work` has to end by itself, soon.
    """
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait((task,))
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is None:
        return task.result()
    raise cancelled from (None if task.cancelled() else task.exception())


async def cancellable(work: Awaitable[T]) -> T:
    """What `work` comes to; a cancellation of the caller ends it for certain and goes on, whatever swallows it there.

    Raises:
        CancelledError: the caller was cancelled, even if `work` came to a result in the same moment.
        Exception: as `work` raised it, at its own end or when it was told to end.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait((task,))
    except asyncio.CancelledError:
        with suppress(asyncio.CancelledError):  # It goes on below in any case.
            await end(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error from None
        raise
    return task.result()


class TaskGroup(asyncio.TaskGroup):
    """A group that ends. asyncio's own cancels each of its tasks once; its body has to be `cancellable`, too."""

    def create_task(  # pyright: ignore[reportIncompatibleMethodOverride] - of coroutines alone
        self, coro: Coroutine[Any, Any, T], *, name: str | None = None, context: Context | None = None
    ) -> asyncio.Task[T]:
        task = super().create_task(cancellable(coro), name=name, context=context)
        task.add_done_callback(lambda _: coro.close())  # One that is cancelled before its first turn never began it.
        return task


def _described(task: asyncio.Future[Any]) -> str:
    """Its name, and where it stands."""
    if not isinstance(task, asyncio.Task):
        return repr(task)
    frames = task.get_stack(limit=1)
    return f"{task.get_name()} at {frames[0].f_code.co_qualname}:{frames[0].f_lineno}" if frames else task.get_name()
