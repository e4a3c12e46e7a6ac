"""All contenders, warm at once on the running stack."""

import os
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.scoring.bare import Bare
from benchmarks.scoring.contender import Contender, forget_outputs
from benchmarks.scoring.environment import BIN, peers_environment, settings_of
from benchmarks.scoring.executor import Engine, Platform
from benchmarks.scoring.report import MAPPED, UDF
from benchmarks.scoring.resident import Resident
from benchmarks.scoring.residents import Peer
from chassis.sandbox.settings import SandboxSettings
from chassis.settings import S3Settings
from examples.grocery.bus import Bus
from examples.grocery.stack import Stack
from infra.embedded.layout import CHECKOUT
from services.executor.scoring.objects import RESULTS, Bucket
from services.executor.scoring.settings import ScoringSettings
from services.executor.scoring.warm_driver import WarmDriver

LOGS = CHECKOUT / ".run" / "logs"


@dataclass(frozen=True)
class Arena:
    """Who is there, and what leads to the store; `peers` are variables of processes in the peers' environment."""

    s3: S3Settings
    settings: ScoringSettings
    bus: Bus
    engine: Engine
    platform: Platform
    contenders: tuple[Contender, ...]
    peers: Mapping[str, str]


@asynccontextmanager
async def open_arena(stack: Stack, scratch: Path) -> AsyncGenerator[Arena]:
    """Starts what isn't running; ends it again, and forgets what it has written."""
    s3, peers = settings_of(stack.objects), peers_environment(stack.objects, scratch)
    forget_outputs(stack.objects)  # Of a run that was ended.
    with _errors_to(LOGS / "bench-engine.log"):
        async with _opened(stack, s3, peers, scratch) as arena:
            yield arena


@asynccontextmanager
async def _opened(stack: Stack, s3: S3Settings, peers: Mapping[str, str], scratch: Path) -> AsyncGenerator[Arena]:
    settings = settings_for(s3, scratch / "engine")
    driver, results = WarmDriver(settings), Bucket(s3, RESULTS)
    async with Bus(stack.kafka) as bus:
        engine, platform = Engine(driver, s3), Platform(bus, s3)
        await driver.start()
        try:
            with ExitStack() as residents:
                bare = residents.enter_context(Bare(settings))
                session = residents.enter_context(_session(peers))
                others = (Peer(UDF, session, results), Peer(MAPPED, session, results))
                yield Arena(s3, settings, bus, engine, platform, (bare, engine, platform, *others), peers)
        finally:
            await driver.stop()
            forget_outputs(stack.objects)


@contextmanager
def _errors_to(log: Path) -> Generator[None]:
    """What processes of Spark say when they are ended is not for the terminal."""
    before = os.dup(2)
    with log.open("wb") as file:
        os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(before, 2)
        os.close(before)


def settings_for(s3: S3Settings, folder: Path) -> ScoringSettings:
    """Those of the stack's own executor, but for its folders and its priority."""
    sandbox = SandboxSettings(python=CHECKOUT / ".venv-model" / "bin" / "python")
    return ScoringSettings(s3=s3, sandbox=sandbox, cache_dir=folder / "cache", work_dir=folder / "work", nice=0)


def _session(peers: Mapping[str, str]) -> Resident:
    return Resident(
        "benchmarks.scoring.peers.session", python=BIN / "python", environment=peers, log=LOGS / "bench-peers.log"
    )
