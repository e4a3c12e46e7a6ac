"""What makes a version that version, and not another."""

import hashlib
import json
from dataclasses import dataclass
from typing import Literal

from schemas.models import ModelRegistrationRequested
from schemas.values import Artifact

State = Literal["active", "archived"]


@dataclass(frozen=True, kw_only=True)
class Version:
    """One version as the model remembers it; all that was said about it stands in `model_versions`."""

    number: int
    sha256: str
    fingerprint: str
    state: State = "active"


def fingerprint(request: ModelRegistrationRequested, artifact: Artifact) -> str:
    """The same for the same bytes, signature, entrypoint and requirements (in whatever order), and only then."""
    signature = request.signature.model_dump(mode="json") if request.signature else None
    parts = [artifact.sha256, signature, request.entrypoint, sorted(request.requirements or ())]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
