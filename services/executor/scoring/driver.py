"""The driver process: a warm Spark application that runs one job at a time for its parent, by lines of JSON.

In: `start {settings, work_dir, id}`, `run {job, lease_s?}`, `cancel`, `renew {lease_s}`, `check`.
Out: `ready`, `progress`, then one of `done`, `failed`, `cancelled`; `healthy`.
It ends, and all that it started with it, when its input closes or the running job's lease passes unrenewed.
"""

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NoReturn, TextIO

from py4j.protocol import Py4JError

from chassis.crash_points import crash_points
from services.executor.scoring.errors import ScoringCancelled, ScoringError, unforeseen
from services.executor.scoring.job import Progress, ScoringJob
from services.executor.scoring.processes import claim_folder, kill_marked
from services.executor.scoring.run import JobRun
from services.executor.scoring.settings import ScoringSettings
from services.executor.scoring.spark import (
    executors_of,
    jvm_of,
    prepare_environment,
    run_little,
    start_context,
    warm_up,
)

_WATCH_S = 0.25
_COUNT_S = 1.0


class Driver:
    """Reads on the main thread, runs the job on another."""

    def __init__(self, commands: Iterator[dict[str, Any]], tell: Callable[[dict[str, Any]], None]) -> None:
        self._commands, self._tell = commands, tell
        start = next(commands, None)
        if start is None or start.get("op") != "start":
            raise SystemExit("the first line is to be `start`")
        self._id, self._work_dir = str(start["id"]), Path(start["work_dir"])
        self._settings = ScoringSettings.model_validate(start["settings"])
        crash_points.arm("driver", self._settings.fault)
        self._run: JobRun | None = None
        # One thread for all of them: a sandbox ends with the thread that began it, and has to outlive its job.
        self._jobs = ThreadPoolExecutor(1, thread_name_prefix="job")
        # What a cluster's workers have, a sandbox for one, this machine may not.
        self._here = self._settings.spark.is_local
        self._deadline: float | None = None
        self._jvm: subprocess.Popen[bytes] | None = None

    def serve(self) -> None:
        os.nice(self._settings.nice)
        self._lock = claim_folder(self._work_dir)
        prepare_environment(self._settings.spark, self._work_dir)
        threading.Thread(target=self._watch, name="lease", daemon=True).start()
        reader = threading.Thread(target=self._read, name="commands", daemon=True)
        reader.start()
        # PySpark's JVM ends with the thread that started it: this one stays until the end.
        self._context = start_context(self._settings.spark, self._work_dir)
        self._jvm = jvm_of(self._context)
        warm_up(self._context)
        if not self._settings.spark.is_local:
            threading.Thread(target=self._watch_executors, name="executors", daemon=True).start()
        self._tell({"event": "ready", "pid": os.getpid()})
        reader.join()

    def _read(self) -> None:
        for command in self._commands:
            match command["op"]:
                case "run":
                    self._renew(command.get("lease_s"))
                    job = ScoringJob.model_validate(command["job"])
                    self._run = JobRun(self._context, self._settings, job, self._progress, here=self._here)
                    self._jobs.submit(self._execute, self._run)
                case "cancel" if self._run:
                    self._run.cancel()
                case "renew":
                    self._renew(command.get("lease_s"))
                case "check":
                    threading.Thread(target=self._check, name="check", daemon=True).start()
                case _:
                    pass
        self.end(0)

    def _execute(self, run: JobRun) -> None:
        try:
            answer: dict[str, Any] = {"event": "done", "outcome": run.execute().model_dump()}
        except ScoringCancelled:
            answer = {"event": "cancelled"}
        except ScoringError as error:
            answer = {"event": "failed", "error": error.to_dict()}
        except Exception as error:  # noqa: BLE001 - the parent must hear of it, whatever it is
            answer = {"event": "failed", "error": unforeseen(error).to_dict()}
        self._run, self._deadline = None, None
        self._tell(answer)

    def _check(self) -> None:
        try:
            run_little(self._context)
        except Exception as error:  # noqa: BLE001 - what can't do that much is of no use, whatever the reason
            sys.stderr.write(f"the driver fails its check: {error}\n")
            self.end(5)
        self._tell({"event": "healthy"})

    def _progress(self, progress: Progress) -> None:
        self._tell({"event": "progress", "progress": progress.model_dump()})

    def _renew(self, lease_s: float | None) -> None:
        self._deadline = None if lease_s is None else time.monotonic() + lease_s

    def _watch(self) -> None:
        while True:
            deadline = self._deadline
            # One that was renewed when its job had just ended is nobody's.
            if self._run is not None and deadline is not None and time.monotonic() > deadline:
                self.end(3)
            if self._jvm is not None and self._jvm.poll() is not None:
                # Without it every job fails at once, the next ones too: whoever waits for this one gets another driver.
                self.end(4)
            time.sleep(_WATCH_S)

    def _watch_executors(self) -> None:
        """Spark waits for executors for ever, also when its master has forgotten this driver."""
        seen = time.monotonic()
        while True:
            time.sleep(_COUNT_S)
            with contextlib.suppress(ConnectionError, Py4JError):  # A dead JVM is the other watch's business.
                if self._run is None or executors_of(self._context):
                    seen = time.monotonic()
            if time.monotonic() - seen > self._settings.spark.executors_lost_s:
                self.end(6)

    def end(self, status: int) -> NoReturn:
        kill_marked(self._id)
        os._exit(status)


def _private_pipes() -> tuple[TextIO, TextIO]:
    """The parent's pipes under descriptors of their own: the JVM writes to 1 and workers would read from 0."""
    commands, answers = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    return os.fdopen(commands, encoding="utf-8"), os.fdopen(answers, "w", encoding="utf-8")


def main() -> None:
    source, sink = _private_pipes()
    lock = threading.Lock()

    def tell(message: dict[str, Any]) -> None:
        with lock:
            sink.write(json.dumps(message) + "\n")
            sink.flush()

    Driver((json.loads(line) for line in source), tell).serve()


if __name__ == "__main__":
    sys.exit(main())
