-- The published way to read: the same on TimescaleDB and on plain PostgreSQL.

CREATE VIEW metric_points AS
SELECT time, model_id, model_version, deployment_id, execution_id, market, brand, metric, value, labels,
       source, event_id, point_no
FROM metrics;

CREATE VIEW series_points AS
SELECT time, series_id, value, labels, source, event_id, point_no
FROM timeseries_data;

CREATE VIEW execution_runs AS
SELECT executions.*, rows_in / nullif(duration_s, 0) AS rows_per_s
FROM executions;

CREATE VIEW metrics_hourly AS
SELECT hour, model_id, model_version, deployment_id, market, brand, metric,
       points, total / points AS mean, minimum, maximum
FROM metrics_hourly_rollup;

CREATE VIEW executions_daily AS
SELECT day, deployment_id, model_id, model_version, market, brand, trigger, status,
       executions, duration_s / executions AS mean_duration_s, longest_s, queue_s / executions AS mean_queue_s,
       rows_in, rows_out, rows_rejected
FROM executions_daily_rollup;

CREATE VIEW points_rejected AS
SELECT arrived_at, reason, time, event_type, subject, metric, value, labels, source, event_id, point_no
FROM rejected_points;
