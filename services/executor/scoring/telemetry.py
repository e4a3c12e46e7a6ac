"""Figures of the drivers, as their executor shows them."""

from prometheus_client import Counter, Gauge, Histogram

DRIVERS = Gauge(
    "mlp_scoring_drivers", "Drivers by state: starting, ready (warm, whether it works or not), busy.", ["state"]
)
DRIVERS_REPLACED = Counter(
    "mlp_scoring_drivers_replaced_total", "Drivers replaced, by reason: died, silent, jobs, age, memory.", ["reason"]
)
DRIVER_START_SECONDS = Histogram(
    "mlp_scoring_driver_start_seconds",
    "From a driver's start until it is warm.",
    buckets=(2, 4, 6, 8, 10, 15, 20, 30, 60, 120),
)
JOB_SECONDS = Histogram(
    "mlp_scoring_job_duration_seconds",
    "A job on its driver, by outcome: succeeded, failed, cancelled, lost (its driver died).",
    ["outcome"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 3600),
)
