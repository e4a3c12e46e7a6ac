"""The manifest: what a finished attempt's output is. Readers follow its address and never list."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from services.executor.scoring.job import ScoringJob
from services.executor.scoring.task import SplitResult

Columns = Sequence[tuple[str, str]]
"""Names and types, as Arrow writes them."""


def build_manifest(job: ScoringJob, results: Sequence[SplitResult], columns: Columns) -> bytes:
    """Stable bytes: parts in the order of their splits, keys sorted."""
    parts = [part.to_dict() for result in results for part in result.parts]
    rejected = [part.to_dict() for result in results for part in result.rejected]
    manifest: dict[str, Any] = {
        "execution_id": job.execution_id,
        "attempt": job.attempt,
        "rows": sum(part["rows"] for part in parts),
        "rows_rejected": sum(part["rows"] for part in rejected),
        "schema": [{"name": name, "type": kind} for name, kind in columns],
        "parts": parts,
        "rejected": rejected,
        "model": {"id": job.model.id, "version": job.model.version, "sha256": job.model.sha256},
        "input": {"uri": job.input.uri, "objects": [item.model_dump() for item in job.input.objects]},
    }
    return json.dumps(manifest, sort_keys=True, ensure_ascii=False).encode()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
