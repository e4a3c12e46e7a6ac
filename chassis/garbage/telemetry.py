"""Figures of the collectors of garbage."""

from prometheus_client import Counter, Gauge

OBJECTS = Counter("mlp_garbage_removed_objects_total", "Objects removed, by kind of garbage.", ["kind"])
BYTES = Counter("mlp_garbage_removed_bytes_total", "Their bytes, by kind of garbage.", ["kind"])
FAILURES = Counter("mlp_garbage_failures_total", "What could not be removed, by kind and code.", ["kind", "code"])
PASSES = Counter("mlp_garbage_passes_total", "Passes of this process, by outcome (done, lost, failed).", ["outcome"])
ENDED = Gauge("mlp_garbage_last_pass_timestamp_seconds", "When any process last came to the end of a pass.")
UNEXPLAINED = Gauge(
    "mlp_garbage_unexplained_objects", "Old objects that nothing explains, as of this process's last pass.", ["kind"]
)
