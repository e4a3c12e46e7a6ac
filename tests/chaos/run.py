"""Load and faults together on a platform of two instances of each service, and what the checker says of it."""

import asyncio
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from infra.embedded.layout import CHECKOUT
from tests.chaos.checker import Violation, check
from tests.chaos.collecting import collect, kafka_client, read_documents, read_progress
from tests.chaos.driver import Done, FaultDriver
from tests.chaos.faults import plan
from tests.chaos.history import History
from tests.chaos.load import tell_stories
from tests.chaos.platform import TWO_OF_EACH, NotInTime, await_true
from tests.chaos.sender import Sender
from tests.chaos.stories import RETRIES, Story
from tests.chaos.stream import flow
from tests.chaos.world import World, running

READY_BOUND_S: Final = 60.0
WARM_BOUND_S: Final = 120.0
_REST_S: Final = 300.0
Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What is asked of a run.

    Every process is killed `kills` times; none makes a quiet run. `updates_hz` updates of models a second come on top.
    """

    seed: int
    requests: int
    minutes: float
    kills: int
    updates_hz: float = 0.0


@dataclass(kw_only=True)
class Outcome:
    """What a run came to. Seconds count from the last fault; None: not reached."""

    terms: Terms
    history: History
    violations: list[Violation]
    faults: Sequence[Done] = ()
    stories: Sequence[Story] = ()
    took_s: float = 0.0
    recovery: Mapping[str, float | None] = field(default_factory=dict[str, float | None])


def run(terms: Terms, *, say: Say, environ: Mapping[str, str] = TWO_OF_EACH) -> Outcome:
    """Start a platform, hurt it while it works, let it come to rest, and check its whole history."""
    with tempfile.TemporaryDirectory(prefix="mlp-orders-") as orders:
        say("starting the platform")
        with running({**environ, "MLP_FAULT_CRASH_FOLDER": orders}) as world:
            driver = FaultDriver(world, Path(orders), tell=lambda done: say(_told(done)))
            try:
                outcome = asyncio.run(_run(terms, world, driver, say))
            finally:
                driver.stop()
            say(f"logs are kept in {_keep_logs(world, terms.seed)}")
            return outcome


async def _run(terms: Terms, world: World, driver: FaultDriver, say: Say) -> Outcome:
    begun = time.monotonic()
    async with Sender(world.connections) as sender:
        async with asyncio.TaskGroup() as tasks:
            telling = tasks.create_task(_load(terms, world.connections, sender, say))
            last, recovery = await _hurt(terms, world, driver, say)
        say("waiting until nothing moves any more")
        recovery["at rest"] = await come_to_rest(world.connections, last)
    say("reading all topics, stores and buckets")
    history = await collect(world.connections, list(sender.sent.values()))
    return Outcome(
        terms=terms,
        history=history,
        violations=[*check(history), *failed_without_need(history), *_too_late(recovery)],
        faults=driver.done,
        stories=telling.result(),
        took_s=time.monotonic() - begun,
        recovery=recovery,
    )


async def _load(terms: Terms, connections: Mapping[str, Any], sender: Sender, say: Say) -> list[Story]:
    ended = 0

    def told(story: Story | None) -> None:
        nonlocal ended
        ended += 1
        say(f"{ended} stories told" if story else "a story was left unanswered")

    say(f"sending {terms.requests} requests in {terms.minutes:g} minutes")
    async with asyncio.TaskGroup() as tasks:
        telling = tasks.create_task(
            tell_stories(
                sender, connections, seed=terms.seed, requests=terms.requests, minutes=terms.minutes, told=told
            )
        )
        if terms.updates_hz:
            tasks.create_task(
                flow(sender, connections, seed=terms.seed, rate_hz=terms.updates_hz, minutes=terms.minutes)
            )
    return telling.result()


async def _hurt(terms: Terms, world: World, driver: FaultDriver, say: Say) -> tuple[float, dict[str, float | None]]:
    """When the last fault happened, and how long it took from there to be well again."""
    if not terms.kills:
        return time.monotonic(), {}
    faults = plan(terms.seed, programs=world.programs, minutes=terms.minutes, kills=terms.kills, proxies=world.proxies)
    say(f"{len(faults)} faults are to come")
    try:
        await asyncio.to_thread(driver.run, faults)
    finally:
        driver.stop()  # Cancelled, its thread has to hear of it.
    last = max((each.at for each in driver.done), default=time.monotonic())
    return last, await asyncio.to_thread(_recover, world, last)


def _recover(world: World, since: float) -> dict[str, float | None]:
    """How long after the last fault everything was ready but for drivers, and everything."""
    found: dict[str, float | None] = {}
    for name, bound_s, needs_drivers in (("ready", READY_BOUND_S, False), ("warm", WARM_BOUND_S, True)):
        try:
            await_true(lambda needs=needs_drivers: _is_ready(world, drivers=needs), within_s=bound_s * 2, what=name)
            found[name] = time.monotonic() - since
        except NotInTime:
            found[name] = None
    return found


def _is_ready(world: World, *, drivers: bool) -> bool:
    with ThreadPoolExecutor(max_workers=len(world.programs)) as pool:
        reasons = list(pool.map(world.reasons, world.programs))
    return not any(name for each in reasons for name in each if drivers or not name.startswith("driver "))


async def come_to_rest(connections: Mapping[str, Any], since: float) -> float | None:
    """When all groups had read everything and no outbox held anything, twice in a row; None: never."""
    quiet, deadline = 0, time.monotonic() + _REST_S
    while time.monotonic() < deadline:
        quiet = quiet + 1 if await _is_at_rest(connections) else 0
        if quiet > 1:
            return time.monotonic() - since
        await asyncio.sleep(1)
    return None


async def _is_at_rest(connections: Mapping[str, Any]) -> bool:
    """Lag, outboxes, and executions that run: what waits for more than that hangs."""
    progress = await read_progress(kafka_client(connections, "operator"))
    if any(each.committed < each.end for each in progress):
        return False
    documents = await asyncio.to_thread(read_documents, connections["mongo"]["url"])
    every = (each for found in documents.values() for some in found.values() for each in some)
    return not any(each.get("_outbox") or each.get("state") in {"queued", "running"} for each in every)


def failed_without_need(history: History) -> list[Violation]:
    """Executions that ended otherwise than by success or cancellation while attempts were left: the load asks for
    nothing that can't be scored."""
    ends = history.facts("ExecutionFinished")
    failed = [each for each in ends if each.data.get("status") not in {"succeeded", "cancelled"}]
    return [
        Violation("failed without need", each.subject, str(each.data.get("error")), (each,))
        for each in failed
        if each.data.get("attempt", 0) <= RETRIES
    ]


def _too_late(recovery: Mapping[str, float | None]) -> list[Violation]:
    bounds = {"ready": READY_BOUND_S, "warm": WARM_BOUND_S}
    return [
        Violation("too late", name, f"{'never' if took_s is None else f'{took_s:.0f} s'} after the last fault")
        for name, took_s in recovery.items()
        if took_s is None or took_s > bounds.get(name, _REST_S)
    ]


def _keep_logs(world: World, seed: int) -> Path:
    kept = CHECKOUT / ".run" / f"chaos-{seed}"
    shutil.rmtree(kept, ignore_errors=True)
    for each in (world.servers, world.services):
        shutil.copytree(each.stack.layout.logs, kept, dirs_exist_ok=True)
    return kept


def _told(done: Done) -> str:
    outcome = "" if done.pid is not None else " (nobody there in time)"
    return f"{done.fault.kind} {done.fault.target}{outcome}"
