"""This service's own figures."""

from prometheus_client import Counter

ROWS = Counter("mlp_metrics_rows_total", "Rows that were not there yet, by table.", ["table"])
