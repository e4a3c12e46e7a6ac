"""Each server is away for minutes, frozen, half-open, slow, and resets its connections: all wait, and nothing is lost.

`MLP_TEST_OUTAGE_S` shortens the minutes.
"""

import asyncio
import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager
from typing import Any, Final

import pytest
import pytest_asyncio

from infra.embedded.parts import SERVERS
from tests.chaos import proxied
from tests.chaos.platform import Platform
from tests.chaos.proxied import Proxied
from tests.chaos.work import Work, outsider

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

OUTAGE_S: Final = float(os.environ.get("MLP_TEST_OUTAGE_S", "120"))
_FAULT_S: Final = 15.0
_BACK_S: Final = 60.0
_ANSWER_S: Final = 2.5
_CHECKS: Final = {"kafka": "bus", "mongo": "documents", "s3": "objects", "postgres": "tables"}
_CODES: Final = {name: f"{check}-unavailable" for name, check in _CHECKS.items()}
_USERS: Final = {
    "kafka": {"registry", "deployer", "executor", "metrics"},
    "mongo": {"registry", "deployer", "executor", "metrics"},
    "s3": {"registry", "executor"},
    "postgres": {"metrics"},
}


@pytest.fixture(scope="module")
def platform() -> Iterator[Proxied]:
    with proxied.running() as running:
        yield running


@pytest_asyncio.fixture
async def work(platform: Proxied) -> AsyncIterator[Work]:
    async with outsider(platform.servers.connections) as hearing:
        made = Work(platform.servers.connections, hearing)
        await made.prepare()
        yield made


@pytest.mark.parametrize("server", SERVERS)
async def test_a_server_that_is_away_for_minutes_is_waited_for_and_told_of(
    platform: Proxied, work: Work, server: str
) -> None:
    pids, lines = _pids(platform.services), _log_sizes(platform.services)
    await work.ask()
    with platform.proxies[server].cut():
        begun = time.monotonic()
        if server != "kafka":  # Without the bus nobody can ask.
            await work.ask(executions=3)
        await _ensure_told(platform.services, server)
        await asyncio.sleep(OUTAGE_S - (time.monotonic() - begun))
        said = _complaints(platform.services, lines)
    back = time.monotonic()
    await work.ask()
    await work.answered(seconds=_BACK_S)
    print(f"\n{server}: drained {time.monotonic() - back:.1f} s after {OUTAGE_S:.0f} s;", _counted(said))  # noqa: T201 - what was measured

    await work.check()
    minutes = OUTAGE_S / 60
    for service, complaints in said.items():
        assert len(complaints) <= 3 * (minutes + 1), "\n".join(complaints)
        waiting = [each for each in complaints if _CODES[server] in each]
        assert bool(waiting) == (service in _USERS[server])
        assert len(waiting) <= minutes + 1
    assert _pids(platform.services) == pids


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("fault", ["frozen", "half-open", "slow", "resetting"])
async def test_a_server_that_misbehaves_is_waited_for(platform: Proxied, work: Work, server: str, fault: str) -> None:
    pids = _pids(platform.services)
    await work.ask()
    with _faulty(platform, server, fault):
        begun = time.monotonic()
        if server != "kafka":
            await work.ask(executions=2)
        while time.monotonic() - begun < _FAULT_S:
            for service in platform.services.services:
                await _readiness(platform.services, service)
            await asyncio.sleep(0.5)
    back = time.monotonic()
    await work.ask()
    await work.answered(seconds=_BACK_S)
    print(f"\n{server} {fault}: drained in {time.monotonic() - back:.1f} s")  # noqa: T201 - what was measured

    await work.check()
    platform.services.await_ready(within_s=_BACK_S)
    assert _pids(platform.services) == pids


def _faulty(platform: Proxied, server: str, fault: str) -> AbstractContextManager[None]:
    proxy = platform.proxies[server]
    match fault:
        case "frozen":
            return platform.frozen(server)
        case "half-open":
            return proxy.half_open()
        case "slow":
            return proxy.slow(2.0)
        case _:
            return proxy.resetting()


async def _ensure_told(services: Platform, server: str) -> None:
    """Readiness and figures of all who use a server say that it is away, and those of nobody else."""
    async with asyncio.timeout(20):
        while {each for each in services.services if _CHECKS[server] in await _readiness(services, each)} != _USERS[
            server
        ]:
            await asyncio.sleep(0.2)
    for service in _USERS[server]:
        figures = services.metrics(service)
        assert f'mlp_ready{{check="{_CHECKS[server]}"}} 0.0' in figures
        assert f'mlp_outage_retries_total{{code="{_CODES[server]}"}}' in figures


async def _readiness(services: Platform, service: str) -> dict[str, Any]:
    """The checks that fail. They have to be told soon, whatever doesn't answer."""
    begun = time.monotonic()
    failing = await asyncio.to_thread(_failing, services.url(service))
    assert time.monotonic() - begun < _ANSWER_S, failing
    return failing


def _failing(url: str) -> dict[str, Any]:
    try:
        urllib.request.urlopen(f"{url}/health/ready", timeout=10).close()  # noqa: S310 - a program's own http address
    except urllib.error.HTTPError as error:
        return {name: said for name, said in json.loads(error.read())["checks"].items() if said != "ok"}
    return {}


def _pids(services: Platform) -> dict[str, int | None]:
    return {each: services.pid(each) for each in services.services}


def _log_sizes(services: Platform) -> dict[str, int]:
    return {each: len(services.log(each)) for each in services.services}


def _complaints(services: Platform, before: dict[str, int]) -> dict[str, list[str]]:
    """Each service's warnings and errors since; what Spark's own processes write among them is no line of its log."""
    return {
        each: [line for line in services.log(each)[size:].splitlines() if _is_complaint(line)]
        for each, size in before.items()
    }


def _is_complaint(line: str) -> bool:
    return line.startswith("{") and json.loads(line)["level"] != "info"


def _counted(said: dict[str, list[str]]) -> str:
    return ", ".join(f"{service} {len(lines)} lines" for service, lines in sorted(said.items()))
