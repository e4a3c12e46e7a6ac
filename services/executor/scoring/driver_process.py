"""One life of a driver process, from its parent's side."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
import time
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from pydantic import SecretStr

from chassis.sandbox.command import MARKER
from chassis.tasks import end, finish
from services.executor.scoring.errors import ScoringCancelled, ScoringError, unforeseen
from services.executor.scoring.job import Progress, ScoringJob, ScoringOutcome
from services.executor.scoring.memory import memory_of
from services.executor.scoring.processes import kill_marked, marked, sweep_folders
from services.executor.scoring.recycling import Wear
from services.executor.scoring.settings import ScoringSettings
from services.executor.scoring.spark import ROOT
from services.executor.scoring.telemetry import DRIVER_START_SECONDS, DRIVERS, JOB_SECONDS

log = structlog.get_logger(__name__)

_LINE_BYTES = 16 << 20


class DriverProcess:
    """Started, then given jobs one after another, then ended. It is never used again after it has died."""

    def __init__(self, settings: ScoringSettings) -> None:
        self._settings = settings
        self._id = uuid.uuid4().hex[:12]
        self._folder = settings.work_dir / self._id
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self._healthy = asyncio.Event()
        self.ended = asyncio.Event()
        self.wear = Wear()
        self._answer: asyncio.Future[ScoringOutcome] | None = None
        self._on_progress: Callable[[Progress], None] | None = None

    @property
    def ready(self) -> bool:
        return self._ready.is_set() and not self.ended.is_set()

    @property
    def outcome(self) -> ScoringOutcome | None:
        """What the latest job came to, if it has succeeded."""
        answer = self._answer
        has_succeeded = answer is not None and answer.done() and answer.exception() is None
        return answer.result() if answer is not None and has_succeeded else None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    async def start(self, *, timeout_s: float) -> None:
        """Raises `ScoringError`: `worker-lost` if it isn't ready in time, `disk-full`, or `internal`."""
        try:
            with DRIVERS.labels("starting").track_inprogress(), DRIVER_START_SECONDS.time():
                await self._start(timeout_s)
        except OSError as error:
            await self.kill()
            raise unforeseen(error) from error
        except BaseException:
            await self.kill()
            raise
        self.wear = Wear()

    async def _start(self, timeout_s: float) -> None:
        self._process = await self._spawn()
        self._reader = asyncio.create_task(self._read(self._process), name=f"driver-{self._id}")
        settings = json.loads(json.dumps(self._settings.model_dump(), default=_plain))
        self._tell({"op": "start", "id": self._id, "work_dir": str(self._folder), "settings": settings})
        if not await self._before_its_end(self._ready, timeout_s):
            raise ScoringError("worker-lost", "the Spark driver did not get ready")

    async def check(self, *, timeout_s: float) -> bool:
        """Whether Spark runs a small Python job in time; asked between two jobs."""
        self._healthy.clear()
        self._tell({"op": "check"})
        return await self._before_its_end(self._healthy, timeout_s)

    async def memory(self) -> int:
        """Bytes that the driver, its JVM and its Python workers on this machine hold."""
        return await asyncio.to_thread(lambda: memory_of(marked(self._id)))

    async def run(
        self,
        job: ScoringJob,
        *,
        on_progress: Callable[[Progress], None],
        on_answered: Callable[[], None] = lambda: None,
        lease_s: float | None,
    ) -> ScoringOutcome:
        """Raises `ScoringError`, or `ScoringCancelled`."""
        self._answer = asyncio.get_running_loop().create_future()
        self._on_progress = on_progress
        if self.ended.is_set():
            raise _lost()
        self._tell({"op": "run", "job": job.model_dump(mode="json"), "lease_s": lease_s})
        self._answer.add_done_callback(partial(_observe, time.monotonic()))
        self._answer.add_done_callback(lambda _: on_answered())
        self.wear.jobs += 1
        try:
            # Shielded: who cancels the caller still wants to hear how the job ended.
            with DRIVERS.labels("busy").track_inprogress():
                return await asyncio.shield(self._answer)
        finally:
            self._on_progress = None

    async def cancel(self, *, grace_s: float) -> None:
        """Stops the job: by asking, then, after the grace, by ending the process."""
        answer = self._answer
        if answer is None or answer.done():
            return
        self._tell({"op": "cancel"})
        done, _ = await asyncio.wait([answer], timeout=grace_s)
        if not done:
            await self.kill()

    def renew(self, lease_s: float) -> None:
        self._tell({"op": "renew", "lease_s": lease_s})

    async def kill(self) -> None:
        """Ends the driver, its JVM, its Python workers and their children, and removes what they left on disk.

        It does so to its end, whoever is cancelled meanwhile.
        """
        await finish(self._kill())

    async def _kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        await asyncio.to_thread(kill_marked, self._id)
        if self._process is not None:
            await self._process.wait()
        if self._reader is not None:
            await self._reader
        await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)

    async def _spawn(self) -> asyncio.subprocess.Process:
        self._settings.work_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        sweep_folders(self._settings.work_dir)
        self._folder.mkdir(mode=0o700)
        return await asyncio.create_subprocess_exec(
            *[sys.executable, "-m", "services.executor.scoring.driver"],
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            cwd=ROOT,
            env=_environment(self._id),
            start_new_session=True,
            limit=_LINE_BYTES,
        )

    async def _before_its_end(self, event: asyncio.Event, timeout_s: float) -> bool:
        """Whether that happens in time, and before the process ends."""
        waits = [asyncio.create_task(each.wait()) for each in (event, self.ended)]
        try:
            await asyncio.wait(waits, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await end(*waits)
        return event.is_set() and not self.ended.is_set()

    def _tell(self, message: dict[str, Any]) -> None:
        stdin = self._process.stdin if self._process else None
        if stdin is not None and not stdin.is_closing():
            with contextlib.suppress(ConnectionError, RuntimeError):
                stdin.write(json.dumps(message).encode() + b"\n")

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        """Until it ends. One that can't be understood is as good as dead: its keeper ends and replaces it."""
        lost = _lost()
        try:
            while process.stdout is not None and (line := await process.stdout.readline()):
                self._take(json.loads(line))
        except Exception:
            log.exception("driver_not_understood", driver=self._id)
            lost = ScoringError("worker-lost", "the Spark driver said something that can't be understood")
        finally:
            if self._ready.is_set():
                DRIVERS.labels("ready").dec()
            self.ended.set()
            self._fail(lost)

    def _take(self, message: dict[str, Any]) -> None:
        match message["event"]:
            case "ready":
                self._ready.set()
                DRIVERS.labels("ready").inc()
            case "healthy":
                self._healthy.set()
            case "progress" if self._on_progress:
                # Later, on its own: what a callback raises must not end the reading.
                progress = Progress.model_validate(message["progress"])
                asyncio.get_running_loop().call_soon(self._on_progress, progress)
            case "done" if self._answer and not self._answer.done():
                self._answer.set_result(ScoringOutcome.model_validate(message["outcome"]))
            case "failed":
                self._fail(ScoringError.from_dict(message["error"]))
            case "cancelled":
                self._fail(ScoringCancelled())
            case _:
                pass

    def _fail(self, error: Exception) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)
            # Nobody may be waiting any more; that is no error of its own.
            self._answer.exception()


def _observe(began: float, answer: asyncio.Future[ScoringOutcome]) -> None:
    JOB_SECONDS.labels(_outcome(answer.exception())).observe(time.monotonic() - began)


def _outcome(error: BaseException | None) -> str:
    match error:
        case None:
            return "succeeded"
        case ScoringCancelled():
            return "cancelled"
        case ScoringError(code="worker-lost"):
            return "lost"
        case _:
            return "failed"


def _lost() -> ScoringError:
    return ScoringError("worker-lost", "the Spark driver ended during the job")


def _environment(driver_id: str) -> dict[str, str]:
    """Ours without the platform's settings: credentials travel by the pipe, to the driver alone."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MLP_")}
    return {**kept, MARKER: driver_id}


def _plain(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, Path):
        return str(ROOT / value)  # A cluster's workers have folders of their own to be relative to.
    raise TypeError(f"{type(value).__name__} in the settings")
