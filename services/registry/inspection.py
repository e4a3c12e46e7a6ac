"""A model's bytes looked at in a sandbox: of its format, and fit for its signature, or no version."""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import structlog

from chassis.sandbox.child.packing import texts_of
from chassis.sandbox.command import artifact_path
from chassis.sandbox.errors import ChildDied, ChildFailed, ChildGarbled, SandboxUnavailable
from chassis.sandbox.process import ChildProcess
from chassis.sandbox.settings import SandboxSettings
from schemas.models import InputBinding, ModelVersionFields
from services.registry.refusals import (
    INSPECTED,
    ArtifactUnreadable,
    FieldRefusal,
    ModelCrashed,
    ModelNotLoaded,
    NotInspected,
)

log = structlog.get_logger(__name__)

_MOST_BINDINGS: Final = 2 * 5_000
_LOSSES: Final = 2


@dataclass(frozen=True)
class Inspections:
    """A child for each model, used once: no model ever meets what another has left."""

    sandbox: SandboxSettings
    patience_s: float

    async def __call__(self, artifact: Path, said: ModelVersionFields) -> tuple[InputBinding, ...]:
        """What each input is bound to, where the model calls it something else.

        Raises:
            Refusal: it is no model of its format, or doesn't fit its signature, or can't be scored rightly.
        """
        for loss in range(1, _LOSSES + 1):
            try:
                return await self._once(artifact, said)
            except ChildDied as died:
                if not died.lost:
                    raise ModelCrashed(f"the process that loaded the model ended ({died})") from died
                if loss == _LOSSES:
                    raise ModelNotLoaded(f"the process that loaded the model was killed twice ({died})") from died
        raise AssertionError  # the loop returns or raises

    async def _once(self, artifact: Path, said: ModelVersionFields) -> tuple[InputBinding, ...]:
        try:
            child = await asyncio.to_thread(ChildProcess, self.sandbox, artifact, lambda _: None)
        except SandboxUnavailable as error:
            log.error("sandbox_unavailable", reason=str(error), detail=error.detail)  # noqa: TRY400 - it is known
            raise NotInspected(str(error)) from error
        asked = json.dumps(_asked(artifact_path(self.sandbox, artifact), said)).encode()
        asking = asyncio.create_task(asyncio.to_thread(_answer, child, asked))
        try:
            done, _ = await asyncio.wait([asking], timeout=self.patience_s)
            if not done:
                raise ModelNotLoaded(f"loading the model took longer than {self.patience_s:.0f} s")
            return _bindings(asking.result())
        except ChildFailed as failed:
            raise _refusal(failed) from failed
        except (ChildGarbled, ValueError) as error:
            raise ArtifactUnreadable("the process that loaded the model gave no readable answer") from error
        finally:
            # Whoever still waits for its answer gets none, and ends; that it died of this is no news.
            child.kill()
            await asyncio.wait([asking])
            asking.exception()
            await asyncio.to_thread(child.close)


def _answer(child: ChildProcess, asked: bytes) -> memoryview:
    child.ask({"op": "inspect"}, memoryview(asked))
    _, (piece,) = child.answer()
    return piece


def _asked(path: str, said: ModelVersionFields) -> dict[str, Any]:
    signature = said.signature
    return {
        "path": path,
        "format": said.format,
        "entrypoint": said.entrypoint,
        "inputs": [each.model_dump() for each in signature.inputs] if signature else None,
        "outputs": [each.model_dump() for each in signature.outputs] if signature else [],
        "params": {each.name: each.default for each in signature.params if each.default is not None}
        if signature
        else {},
    }


def _bindings(piece: memoryview) -> tuple[InputBinding, ...]:
    texts = texts_of(piece, at_most=_MOST_BINDINGS)
    return tuple(InputBinding(name=name, known_as=known_as) for name, known_as in zip(*[iter(texts)] * 2, strict=True))


def _refusal(failed: ChildFailed) -> FieldRefusal:
    return INSPECTED.get(failed.code, ArtifactUnreadable)(str(failed))
