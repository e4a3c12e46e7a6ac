CREATE MATERIALIZED VIEW metrics_hourly_rollup
WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT time_bucket('1 hour', time) AS hour, model_id, model_version, deployment_id, market, brand, metric,
       count(*) AS points, sum(value) AS total, min(value) AS minimum, max(value) AS maximum
FROM metrics
GROUP BY 1, 2, 3, 4, 5, 6, 7
WITH NO DATA;

CREATE MATERIALIZED VIEW executions_daily_rollup
WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT time_bucket('1 day', finished_at) AS day, deployment_id, model_id, model_version, market, brand, trigger, status,
       count(*) AS executions, sum(duration_s) AS duration_s, max(duration_s) AS longest_s, sum(queue_s) AS queue_s,
       sum(rows_in) AS rows_in, sum(rows_out) AS rows_out, sum(rows_rejected) AS rows_rejected
FROM executions
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
WITH NO DATA;

-- Executions are kept for ever. The policy of the other one follows the retention of its points: see upkeep().
SELECT add_continuous_aggregate_policy('executions_daily_rollup',
    start_offset => NULL, end_offset => interval '1 day', schedule_interval => interval '15 minutes');
