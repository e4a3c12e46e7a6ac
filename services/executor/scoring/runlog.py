"""A run's own log, kept beside its output for whoever ran it."""

import json
import threading
from datetime import UTC, datetime
from typing import Any

from services.executor.scoring.errors import ScoringError
from services.executor.scoring.job import ScoringJob
from services.executor.scoring.objects import RESULTS, Bucket, parse_uri


class RunLog:
    """Lines of JSON: time, event, fields. Never values of the data."""

    def __init__(self, job: ScoringJob) -> None:
        self._job = job
        self._lines: list[str] = []
        self._lock = threading.Lock()

    def add(self, event: str, **fields: Any) -> None:
        line = json.dumps({"time": datetime.now(UTC).isoformat(), "event": event, **fields}, ensure_ascii=False)
        with self._lock:
            self._lines.append(line)

    def store(self, results: Bucket) -> str | None:
        """Its address, or None where it couldn't be stored: a log must not fail a run."""
        try:
            key = parse_uri(self._job.output_prefix, bucket=RESULTS) + "log.jsonl"
            with self._lock:
                data = "".join(f"{line}\n" for line in self._lines).encode()
            return results.put(key, data)
        except ScoringError:
            return None
