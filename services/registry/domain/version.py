"""What makes a version that version, and not another."""

import hashlib
import json
from dataclasses import dataclass
from typing import Literal

from schemas.models import ModelVersionFields
from schemas.values import ErrorInfo

State = Literal["active", "archived"]


@dataclass(frozen=True, kw_only=True)
class Version:
    """One version as decisions about its model need it; all that was said about it stands in `model_versions`.

    `inspected_by` is the revision of the rules by which it was last inspected, 0 where no inspection is known of.
    `unfit` is why it isn't run any more.
    """

    number: int
    format: str
    state: State = "active"
    inspected_by: int = 0
    unfit: ErrorInfo | None = None


def fingerprint(said: ModelVersionFields, sha256: str) -> str:
    """The same for the same bytes, signature, entrypoint and requirements (in whatever order), and only then."""
    signature = said.signature.model_dump(mode="json") if said.signature else None
    parts = [sha256, signature, said.entrypoint, sorted(said.requirements or ())]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
