"""What comes of looking into a version's bytes, and by which rules it was done."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from schemas.models import InputBinding
from schemas.values import ErrorInfo

RULES: Final = 1
"""The revision of what `chassis.sandbox.child` asks of a model when it inspects it.

Raised whenever something is refused that was taken before, and whenever the models' own packages change: all versions
in use that were inspected by an earlier revision are then inspected again.
"""
_MAX_MESSAGE: Final = 5_000


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What an inspection by `rules` has come to. `bindings` is None where they are those that are known already."""

    rules: int
    at: datetime
    unfit: ErrorInfo | None = None
    bindings: tuple[InputBinding, ...] | None = None


def reason(code: str, message: str) -> ErrorInfo:
    """Why a version is unfit, as a fact takes it, whatever a model said."""
    plain = message.replace("\x00", "").encode(errors="replace").decode()
    return ErrorInfo(code=code, message=plain[:_MAX_MESSAGE])
