"""This service's own figures."""

from prometheus_client import Counter, Gauge

DUE = Gauge("mlp_registry_versions_due", "Versions that wait to be inspected again, by whichever registry.")
INSPECTED = Counter(
    "mlp_registry_versions_inspected_total",
    "Versions inspected again here, by what came of it (fit, unfit, not_due, put_off).",
    ["outcome"],
)
