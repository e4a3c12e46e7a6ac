"""A server or the executor without room: nothing is said that isn't so, it is said what is wrong, and all goes on."""

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import psutil
import pytest

from infra.embedded import folder
from infra.embedded.stack import Stack
from tests.chaos.checker import check
from tests.chaos.collecting import collect
from tests.chaos.history import History
from tests.chaos.load import tell_stories
from tests.chaos.platform import Platform
from tests.chaos.run import come_to_rest
from tests.chaos.sender import Sender
from tests.chaos.small_disk import SmallDisk, small_disk

_FULL_S: Final = 40.0
_WORDS: Final = ("No space left on device", "no space left on device", "disk-full", "waiting_for_dependency")
_LEFT_BYTES: Final = 256 * 1024
_ENVIRON: Final = {"MLP_SPARK_MASTER": "local[1,4]", "MLP_KAFKA_SESSION_TIMEOUT_MS": "6000"}

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]


@contextmanager
def _running_on_a_small_disk(part: str) -> Generator[tuple[Platform, SmallDisk]]:
    """A platform with a part's data, or the executor's own files, on a disk of their own."""
    data = Path(tempfile.mkdtemp(prefix="mlp-full-"))
    data.chmod(0o755)  # PostgreSQL's user has to get through
    executors = data / "executor"
    own = {"MLP_SCORING_CACHE_DIR": str(executors / "models"), "MLP_SCORING_WORK_DIR": str(executors / "w")}
    stack = Stack(data, environ={**os.environ, **_ENVIRON, **(own if part == "executor" else {})})
    folder.claim(stack.layout)
    stack.layout.make()
    with small_disk(executors if part == "executor" else stack.layout.of(part)) as disk:
        try:
            stack.up()
            yield Platform(stack), disk
        finally:
            disk.make_room()
            stack.down()
    stack.clean()
    shutil.rmtree(data, ignore_errors=True)


@pytest.mark.parametrize("part", ["mongo", "kafka", "s3", "postgres", "executor"])
def test_a_full_disk_makes_nobody_say_what_is_not_so_and_all_goes_on_when_there_is_room(part: str) -> None:
    with _running_on_a_small_disk(part) as (platform, disk):
        history, said = asyncio.run(_fill_and_empty(platform, disk, part))

    assert not check(history)
    # The executor's own files are its own business: there it is the executor that says so. Of a full object store
    # services speak when they have something to put there: its reads go on, and so do their probes.
    assert any(part in {"executor", "s3"} or each.split(":")[0] != part for each in said), (
        "no service said what it needs"
    )


async def _fill_and_empty(platform: Platform, disk: SmallDisk, part: str) -> tuple[History, set[str]]:
    """Requests before, while and after there is no room. What was said of it: by whom, and why."""
    async with Sender(platform.connections) as sender:
        telling = asyncio.create_task(tell_stories(sender, platform.connections, seed=8, requests=34 * 6, minutes=0.7))
        await asyncio.sleep(8)
        if part == "executor":
            disk.fill()
            _kill_driver(platform)  # A new one needs room; a warm one next to none.
        else:
            disk.fill(left_bytes=_LEFT_BYTES)
        said = await _said(platform)
        disk.make_room()
        if part != "executor":
            await asyncio.to_thread(platform.stack.restart, part)
        await telling
    assert await come_to_rest(platform.connections, time.monotonic()) is not None
    return await collect(platform.connections, list(sender.sent.values())), said


def _kill_driver(platform: Platform) -> None:
    for process in platform.offspring("executor"):
        with suppress(psutil.Error):
            if "services.executor.scoring.driver" in process.cmdline():
                process.kill()


async def _said(platform: Platform) -> set[str]:
    """What programs gave as the reason why they aren't ready, or wrote of it, while the disk was full."""
    logs = platform.stack.layout.logs
    written = {path: path.stat().st_size for path in logs.glob("*.log")}
    said: set[str] = set()
    deadline = time.monotonic() + _FULL_S
    while time.monotonic() < deadline:
        for program in (*platform.servers, *platform.services):
            reasons = await asyncio.to_thread(platform.reasons, program)
            said |= {f"{program}: {name}: {reason}" for name, reason in reasons.items()}
        await asyncio.sleep(1)
    for path, size in written.items():
        lines = path.read_bytes()[size:].decode(errors="replace").splitlines()
        said |= {f"{path.stem}: {line[:300]}" for line in lines if any(word in line for word in _WORDS)}
    print("", *sorted(said)[:60], sep="\n")  # noqa: T201 - what an operator sees
    return said
