"""One sandboxed child from its parent's side: started with a model, asked for chunks, ended."""

import contextlib
import fcntl
import json
import math
import os
import select
import socket
import subprocess
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from services.executor.scoring.child import wire
from services.executor.scoring.child.chunk import Chunk, ParquetChunk
from services.executor.scoring.child.conversion import REJECTIONS
from services.executor.scoring.child.counting import Counting
from services.executor.scoring.child.scoring import Scored
from services.executor.scoring.errors import ScoringError
from services.executor.scoring.histograms import checked_counts
from services.executor.scoring.sandbox import artifact_path, child_command, child_environment
from services.executor.scoring.settings import SandboxSettings
from services.executor.scoring.shared import SharedMemory
from services.executor.scoring.words import Words

Hear = Callable[[str], None]
"""Is given the lines that a model's code prints."""
CODES: Final = frozenset(
    {"signature-mismatch", "artifact-unreadable", "model-failed", "prediction-shape", "input-corrupt"}
)
_INSPECTION_CHARACTERS = 2_000
_END_S = 2.0
_PIPE_BYTES, _READ_BYTES = 1 << 20, 64 * 1024
_LAST_READS = 2 * _PIPE_BYTES // _READ_BYTES


class ChildDied(Exception):
    """The child's process has ended; the text says how, with its last words."""


class ChildFailed(Exception):
    """The child answered with a failure."""

    def __init__(self, answer: dict[str, Any]) -> None:
        super().__init__(str(answer.get("message", "")))
        code = answer.get("code")
        self.code = code if isinstance(code, str) and code in CODES else "model-failed"
        self.row: int | None = answer["row"] if isinstance(answer.get("row"), int) else None


class ChildProcess:
    """Its answers are an untrusted model's: nothing of them is believed unchecked."""

    def __init__(self, settings: SandboxSettings, artifact: Path, task: dict[str, Any], hear: Hear) -> None:
        self.hear = hear
        self._began = time.monotonic()
        self._counting: Counting | None = None
        self._said, self._words = _Pipe(), Words()
        self._link, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, self._said.their_end() as printed:
            self._process = subprocess.Popen(
                child_command(settings, artifact, descriptor=theirs.fileno()),
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=printed,
                env=child_environment(),
                cwd="/",
            )
        words = json.dumps({**task, "path": artifact_path(settings, artifact)}).encode()
        try:
            self._ask({"op": "load"}, memoryview(words))
            self.inspection = _inspection(self._answer()[0])
        except BaseException:
            self.close()
            raise

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        """Of what encloses it."""
        return self._process.pid

    def forget_words(self) -> None:
        """What it has printed since its last answer belongs to no one: its next job may be another's."""
        for _ in range(_LAST_READS):
            if not self._said.read():
                break
        self._words = Words()

    def count(self, counting: Counting | None) -> None:
        """Have the inputs of the chunks that follow counted. Raises `ChildDied`."""
        self._counting = counting
        self._ask({"op": "count"}, memoryview(json.dumps(counting.to_dict() if counting else None).encode()))

    def send(self, chunk: Chunk, memory: SharedMemory | None = None) -> None:
        """`memory`: what holds the chunk, and must do so until it is answered. Raises `ChildDied`."""
        if not isinstance(chunk, ParquetChunk):
            self._ask({"op": "score", "kind": "arrow"}, chunk.data)
            return
        header = {"op": "score", "kind": "parquet", "row_group": chunk.row_group, "start": chunk.start}
        if memory is None:
            self._ask(header, chunk.footer, chunk.data)
            return
        with self._reached():
            sizes = (chunk.footer.nbytes, chunk.data.nbytes)
            wire.send_shared(self._link, header, memory.descriptor, memory.number, sizes)

    def receive(self, rows: int) -> Scored:
        """The answer to the oldest chunk, which has `rows` rows. Raises `ChildDied`, `ChildFailed`, `ScoringError`."""
        header, pieces = self._answer()
        try:
            predictions, rejections, counts = _table(pieces[0]), _table(pieces[1]), pieces[2]
            seconds, counting_s = (self._seconds(header[name]) for name in ("seconds", "counting_s"))
            counted = checked_counts(counts, self._counting, predictions.num_rows)
            scored = Scored(int(header["rows"]), predictions, rejections, seconds, counted, counting_s)
        except (pa.ArrowException, ValueError, TypeError, LookupError) as error:
            raise ScoringError("prediction-shape", f"the model's process gave no readable answer: {error}") from error
        _check(scored, rows)
        return scored

    def _seconds(self, said: Any) -> float:
        """A share of its life. Raises `ValueError`."""
        if not 0 <= float(said) < math.inf:
            raise ValueError("its seconds are no time")
        return min(float(said), time.monotonic() - self._began)

    def close(self) -> None:
        self._link.close()
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self._process.wait()
        self._said.close()

    def _ask(self, header: dict[str, Any], *pieces: memoryview) -> None:
        with self._reached():
            wire.send(self._link, header, pieces)

    @contextlib.contextmanager
    def _reached(self) -> Generator[None]:
        try:
            yield
        except (BrokenPipeError, ConnectionError) as error:
            raise self._died() from error

    def _answer(self) -> tuple[dict[str, Any], list[memoryview]]:
        try:
            self._listen_until_answered()
            header, pieces = wire.receive(self._link)
        except (EOFError, ConnectionError) as error:
            raise self._died() from error
        except ValueError as error:
            raise ScoringError("prediction-shape", f"the model's process gave no readable answer: {error}") from error
        if header.get("ok") is not True:
            raise ChildFailed(header)
        return header, pieces

    def _listen_until_answered(self) -> None:
        """A child that prints is heard whenever its answer is waited for; till then the pipe holds what it says."""
        poll = select.poll()
        poll.register(self._link, select.POLLIN)
        if self._said.open:
            poll.register(self._said.end, select.POLLIN)
        while True:
            ready = [descriptor for descriptor, _ in poll.poll()]
            if self._said.end in ready:
                self._listen()
                if not self._said.open:
                    poll.unregister(self._said.end)
            if self._link.fileno() in ready:
                return

    def _listen(self) -> bool:
        """Pass on what it has printed, up to a limit. Returns whether there was something."""
        data = self._said.read()
        for line in self._words.take(data):
            self.hear(line)
        return bool(data)

    def _died(self) -> ChildDied:
        deadline = time.monotonic() + _END_S
        while self.alive and time.monotonic() < deadline:
            time.sleep(0.01)
        for _ in range(_LAST_READS):
            if not self._listen():
                break
        for line in self._words.end():
            self.hear(line)
        words = self._words.last
        return ChildDied(f"the model's process ended ({_how(self._process.poll())})" + (f": {words}" if words else ""))


class _Pipe:
    """What a child prints: read without waiting; a child that says too much at once waits."""

    def __init__(self) -> None:
        self.end, self._theirs = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self.end, False)
        self.open = True
        with contextlib.suppress(OSError):
            fcntl.fcntl(self.end, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)

    @contextlib.contextmanager
    def their_end(self) -> Generator[int]:
        try:
            yield self._theirs
        finally:
            os.close(self._theirs)

    def read(self) -> bytes:
        """Empty when there is nothing now; at the end `open` is false, too."""
        if self.end < 0:
            return b""
        try:
            data = os.read(self.end, _READ_BYTES)
        except BlockingIOError:
            return b""
        self.open = bool(data)
        return data

    def close(self) -> None:
        self.open = False
        if self.end >= 0:
            os.close(self.end)
            self.end = -1


def _inspection(answer: dict[str, Any]) -> dict[str, Any]:
    """For the log, as far as it is what it should be."""
    found: Any = answer.get("inspection")
    if not isinstance(found, dict) or len(json.dumps(found)) > _INSPECTION_CHARACTERS:
        return {}
    return {str(name): value for name, value in found.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]


def _table(piece: memoryview) -> pa.Table:
    table = pa.ipc.open_stream(pa.py_buffer(piece)).read_all()
    table.validate(full=True)
    return table


def _check(scored: Scored, rows: int) -> None:
    rejected = scored.rejections
    if rejected.schema != REJECTIONS:
        raise ScoringError("prediction-shape", "the model's process gave no readable answer: its rejections")
    numbers = rejected.column("row").to_pylist()
    inside = all(number is not None and 0 <= number < rows for number in numbers)
    distinct = len(set(numbers)) == len(numbers)
    if scored.rows != rows or not inside or not distinct or scored.predictions.num_rows != rows - len(numbers):
        raise ScoringError("prediction-shape", f"{scored.predictions.num_rows} predictions for {rows} rows")


def _how(status: int | None) -> str:
    if status is None:
        return "still running, its socket closed"
    signal = -status if status < 0 else status - 128
    return f"signal {signal}" if 0 < signal < 65 else f"exit status {status}"  # noqa: PLR2004
