"""The figures that every service shows at `/metrics`. No ids as labels."""

from prometheus_client import Counter, Gauge, Histogram

HANDLER_SECONDS = Histogram(
    "mlp_handler_duration_seconds",
    "From taking a record to having done with it, by outcome (done, refused, dead_letter, ignored, put_back).",
    ["topic", "outcome"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
REFUSALS = Counter("mlp_refusals_total", "Requests refused, by code.", ["topic", "code"])
DEAD_LETTERS = Counter("mlp_dead_letters_total", "Records given up on, by code.", ["topic", "code"])
OUTAGE_RETRIES = Counter("mlp_outage_retries_total", "Tries and looks that failed as a dependency was away.", ["code"])
CONSUMER_LAG = Gauge("mlp_consumer_lag_records", "Records not yet handled.", ["group", "topic", "partition"])
OUTBOX_AGE = Gauge("mlp_outbox_oldest_age_seconds", "Age of the oldest event not yet on the bus.", ["collection"])
PUBLISHED = Counter("mlp_published_events_total", "Events acknowledged by the bus.", ["topic"])
READY = Gauge("mlp_ready", "1 when a dependency or a consumer is fit to work.", ["check"])
