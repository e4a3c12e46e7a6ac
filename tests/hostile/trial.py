"""One file tried as the platform would take it: by the registry first, then by an execution, whatever that said.

Everything on this side is the platform's own; only the child is a process that a `Nursery` forks.
"""

import asyncio
import contextlib
import re
import threading
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

from chassis.errors import Refusal
from chassis.sandbox.errors import ChildDied
from chassis.sandbox.process import ChildProcess
from chassis.sandbox.settings import SandboxSettings
from chassis.sandbox.shared_memory import Memories
from schemas.models import ModelRegistrationRequested
from schemas.signature import Signature, SignatureField
from services.executor.scoring import model_session, preview
from services.executor.scoring.errors import ScoringCancelled, ScoringError
from services.executor.scoring.job import ModelArtifact, ScoringInput, ScoringJob
from services.executor.scoring.model_session import ChildLost, ModelSession, SplitTask
from services.executor.scoring.planning import make_plan
from services.executor.scoring.reading import Fetcher
from services.registry import inspection
from services.registry.tabular import parquet
from services.registry.tabular.description import Description
from tests.hostile.nursery import Nursery
from tests.hostile.store import OneArtifact, OneObject

SIGNATURE: Final = Signature(
    inputs=tuple(SignatureField(name=f"f{place}", type="double", required=True) for place in range(4)),
    outputs=(),
    params=(),
)
SCORED, LATE, CRASHED = "scored", "out of time", "crashed"
_ROWS: Final = 20
_DIED: Final = re.compile(r"\((signal \d+|exit status \d+)")


@dataclass
class Outcome:
    """What came of a file: how it ended (a code, or one of the above), and all that was heard and given."""

    how: str = ""
    registered: str = ""
    previewed: str = ""
    died: str = ""
    messages: list[str] = field(default_factory=list[str])
    said: list[Any] = field(default_factory=list[Any])
    parts: list[bytes] = field(default_factory=list[bytes])
    seconds: float = 0.0

    @contextlib.contextmanager
    def judging(self, name: str, late_s: float) -> Generator[None]:
        """How a step ended. What is no answer of the platform's is raised: it would end a driver."""
        began = time.monotonic()
        try:
            yield
            how = SCORED
        except (Refusal, ScoringError) as refusal:
            how = refusal.code
            self.messages.append(str(refusal))
            if found := _DIED.search(str(refusal)):
                self.died = found[1]
        except ChildLost as lost:
            # Its own kill, which looks like a stranger's: the execution begins anew, once, with another child.
            how, self.died = "model-crashed", str(lost)
        except ScoringCancelled:
            how = LATE
        if how == "model-crashed" and time.monotonic() - began >= late_s:
            how = LATE
        if self.died and how == "model-crashed":
            how = CRASHED
        setattr(self, name, how)


@dataclass(frozen=True)
class Trial:
    """Of files of one format. `rows`: a whole input, as parquet; `model`: a whole model, which is a module."""

    format: str
    nursery: Nursery
    sandbox: SandboxSettings
    limit_s: float
    rows: bytes
    model: Path

    def of(self, file: Path) -> Outcome:
        """Raises: whatever a driver or a service wouldn't have caught."""
        self.nursery.ensure()
        outcome, began = Outcome(), time.monotonic()
        if self.format in {"parquet", "csv"}:
            raw = file.read_bytes()
            self._describe(raw, outcome)
            self._execute(OneObject(raw), self.model, "python", outcome)
        else:
            self.register(file, outcome=outcome)
            self._execute(OneObject(self.rows), file, self.format, outcome)
        outcome.seconds = time.monotonic() - began
        return outcome

    def register(self, file: Path, *, signature: Signature | None = SIGNATURE, outcome: Outcome | None = None) -> str:
        """How the registry's look at it ended; without a signature it is a look at its bytes alone."""
        self.nursery.ensure()
        outcome = outcome or Outcome()
        request = ModelRegistrationRequested.model_construct(format=self.format, signature=signature, entrypoint=None)
        look = inspection.Inspections(self.sandbox, self.limit_s)
        with self._forking(outcome), outcome.judging("registered", self.limit_s):
            asyncio.run(look(file, request))
        return outcome.registered

    def _describe(self, raw: bytes, outcome: Outcome) -> None:
        """As the registry does, and a preview."""
        with self._forking(outcome), outcome.judging("registered", self.limit_s):
            asyncio.run(self._described(raw))
        source = OneObject(raw)
        with self._forking(outcome), outcome.judging("previewed", self.limit_s):
            looking = preview.Looking(source, self.sandbox, time.monotonic() + self.limit_s)
            looking.at(source.listed("it"), self.format, _ROWS)

    async def _described(self, raw: bytes) -> None:
        async def read(offset: int, length: int) -> bytes:
            return raw[offset : offset + length]

        description = Description(lambda: self._child(None))
        try:
            if self.format == "parquet":
                try:
                    footer = await parquet.footer(read, len(raw))
                except parquet.NoFooter as error:
                    raise inspection.ArtifactUnreadable(str(error)) from error
                await description.footer("it", footer)
            elif raw:
                await description.block("it", raw, whole=True, content_type=None)
            await description.columns()
        finally:
            await description.close()

    def _execute(self, data: OneObject, artifact: Path, model_format: str, outcome: Outcome) -> None:
        job = job_of(data, self.format if self.format in {"parquet", "csv"} else "parquet", model_format)
        session = ModelSession(job, OneArtifact(artifact), self.sandbox, outcome.said.append)
        timer = threading.Timer(self.limit_s, session.stop)
        timer.start()
        try:
            with self._forking(outcome), outcome.judging("how", self.limit_s):
                for part in parts_of(job, data, session):
                    outcome.parts.append(bytes(part))
        finally:
            timer.cancel()
            session.close()

    def _child(self, artifact: Path | None) -> ChildProcess:
        return self.nursery.child(self.sandbox, artifact, lambda _: None)

    @contextlib.contextmanager
    def _forking(self, outcome: Outcome) -> Generator[None]:
        """Children are forked, and what they answer is remembered."""
        answer = ChildProcess.answer

        def heard(child: ChildProcess) -> Any:
            try:
                header, pieces = answer(child)
            except ChildDied as died:
                outcome.died = str(died)
                raise
            outcome.said.append(header)
            outcome.said += [bytes(piece).decode("latin-1") for piece in pieces if bytes(piece[:4]) != b"PAR1"]
            return header, pieces

        with contextlib.ExitStack() as stack:
            stack.enter_context(patch.object(ChildProcess, "answer", heard))
            for module in (model_session, preview, inspection):
                stack.enter_context(patch.object(module, "ChildProcess", self.nursery.child))
            for module in (model_session, inspection):
                stack.enter_context(patch.object(module, "artifact_path", lambda _, path: self.nursery.path_of(path)))
            yield


def job_of(data: OneObject, data_format: str, model_format: str) -> ScoringJob:
    """An execution of a model of that format on one object."""
    artifact = ModelArtifact(
        id="tried", version=1, format=model_format, uri="s3://models/it", sha256="0" * 64, signature=SIGNATURE
    )
    return ScoringJob(
        execution_id="it",
        attempt=1,
        deployment_id="it",
        model=artifact,
        output_prefix="s3://results/it/",
        input=ScoringInput(uri="s3://datasets/it", format=data_format, objects=(data.listed("it"),)),
    )


def parts_of(job: ScoringJob, data: OneObject, session: ModelSession) -> Iterator[memoryview]:
    """What `plan_job` and `score_split` do, without Spark and a store: the finished files."""
    plan = make_plan(job, data, session, rows_per_split=1_000_000, cores=1)
    task = SplitTask(plan.layout, 1 << 26, None, 1)
    for split in plan.splits:
        began, accepted, fetcher = time.monotonic(), 0, Fetcher(data, Memories())
        for loaded, answer in session.score(task, fetcher.chunks(split)):
            accepted += answer.accepted
            yield from (part.data for part in answer.parts)
            fetcher.done_with(loaded)
        end = session.end(task, accepted=accepted, within_s=time.monotonic() - began)
        yield from (part.data for part in end.chunk.parts)
