"""A success names a manifest, and that names parts of one attempt, all there and true."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from tests.chaos.checker.violation import Violation
from tests.chaos.history import History, Record


def are_complete_and_true(history: History) -> Iterator[Violation]:
    """Of every succeeded execution: digests, sizes, rows, and one attempt throughout."""
    for end in history.facts("ExecutionFinished"):
        output = end.data.get("output")
        if end.data.get("status") != "succeeded":
            if output is not None:
                yield Violation("output of a failure", end.subject, str(output), (end,))
        elif output is None:
            yield Violation("success without output", end.subject, "no manifest is named", (end,))
        else:
            yield from (Violation("manifest untrue", end.subject, each, (end,)) for each in _wrong(history, end))


def _wrong(history: History, end: Record) -> Iterator[str]:
    output = end.data["output"]
    found = history.objects.get(output["manifest_uri"])
    if found is None:
        yield f"{output['manifest_uri']} isn't there"
        return
    if hashlib.sha256(found.content).hexdigest() != output["manifest_sha256"]:
        yield f"{output['manifest_uri']} has another digest than the fact says"
        return
    manifest: dict[str, Any] = json.loads(found.content)
    said = (manifest.get("execution_id"), manifest.get("attempt"), manifest.get("rows"), manifest.get("rows_rejected"))
    told = tuple(end.data.get(name) for name in ("execution_id", "attempt", "rows_out", "rows_rejected"))
    if said != told:
        yield f"the manifest says {said}, the fact {told}"
    if end.data["rows_in"] != end.data["rows_out"] + end.data["rows_rejected"]:
        yield f"{end.data['rows_in']} rows went in, {end.data['rows_out']} and {end.data['rows_rejected']} came out"
    attempt = f"{end.data['deployment_id']}/{end.subject}/attempt-{end.data['attempt']}/"
    for kind, rows in (("parts", "rows"), ("rejected", "rows_rejected")):
        yield from _parts(history, manifest, kind, attempt)
        if sum(each["rows"] for each in manifest[kind]) != manifest[rows]:
            yield f"the rows of its {kind} don't add up to {manifest[rows]}"


def _parts(history: History, manifest: dict[str, Any], kind: str, attempt: str) -> Iterator[str]:
    for part in manifest[kind]:
        stored = history.objects.get(f"s3://results/{part['key']}")
        if not part["key"].startswith(attempt):
            yield f"{part['key']} is of another attempt"
        if stored is None:
            yield f"{part['key']} isn't there"
        elif (stored.size_bytes, stored.sha256) != (part["size_bytes"], part["sha256"]):
            yield f"{part['key']} holds other bytes than its manifest says"
