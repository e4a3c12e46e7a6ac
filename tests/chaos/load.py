"""Stories told at a steady pace, side by side."""

import asyncio
import math
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from tests.chaos.sender import Sender
from tests.chaos.stories import REQUESTS, Story


async def tell_stories(
    sender: Sender,
    connections: Mapping[str, Any],
    *,
    seed: int,
    requests: int,
    minutes: float,
    told: Callable[[Story | None], None] = lambda _: None,
) -> list[Story]:
    """At least so many requests, whose stories begin evenly over the time given. `told` is called at each end.

    A story that is left unanswered ends early, with None told; the checker finds what it was waiting for.
    """
    number = math.ceil(requests / REQUESTS)
    stories = [
        Story(f"c{seed}-{each}", sender, connections["s3"], Random(f"{seed}/{each}"))  # noqa: S311 - no secret
        for each in range(number)
    ]

    async def tell(story: Story, after_s: float) -> None:
        await asyncio.sleep(after_s)
        try:
            await story.tell()
        except* TimeoutError:
            told(None)
        else:
            told(story)

    async with asyncio.TaskGroup() as tasks:
        for each, story in enumerate(stories):
            tasks.create_task(tell(story, each * minutes * 60 / number))
    return stories
