-- Rollups are brought up to date by the statement that adds the rows, in its transaction: a row that is
-- already there is added to neither. Sorted, so that two writers lock the same rows in the same order.

CREATE TABLE metrics_hourly_rollup (
    hour timestamptz NOT NULL,
    model_id text NOT NULL,
    model_version integer,
    deployment_id text,
    market text,
    brand text,
    metric text NOT NULL,
    points bigint NOT NULL,
    total double precision NOT NULL,
    minimum double precision NOT NULL,
    maximum double precision NOT NULL,
    UNIQUE NULLS NOT DISTINCT (hour, model_id, model_version, deployment_id, market, brand, metric)
) WITH (fillfactor = 80);

CREATE FUNCTION roll_up_metrics() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO metrics_hourly_rollup AS rollup
    SELECT date_trunc('hour', time, 'UTC'), model_id, model_version, deployment_id, market, brand, metric,
           count(*), sum(value), min(value), max(value)
    FROM added
    GROUP BY 1, 2, 3, 4, 5, 6, 7
    ORDER BY 1, 2, 3, 4, 5, 6, 7
    ON CONFLICT (hour, model_id, model_version, deployment_id, market, brand, metric) DO UPDATE SET
        points = rollup.points + excluded.points,
        total = rollup.total + excluded.total,
        minimum = least(rollup.minimum, excluded.minimum),
        maximum = greatest(rollup.maximum, excluded.maximum);
    RETURN NULL;
END
$$;
CREATE TRIGGER roll_up AFTER INSERT ON metrics
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION roll_up_metrics();

CREATE TABLE executions_daily_rollup (
    day timestamptz NOT NULL,
    deployment_id text NOT NULL,
    model_id text NOT NULL,
    model_version integer NOT NULL,
    market text NOT NULL,
    brand text,
    trigger text NOT NULL,
    status text NOT NULL,
    executions bigint NOT NULL,
    duration_s double precision NOT NULL,
    longest_s double precision NOT NULL,
    queue_s double precision NOT NULL,
    rows_in numeric NOT NULL,
    rows_out numeric NOT NULL,
    rows_rejected numeric NOT NULL,
    UNIQUE NULLS NOT DISTINCT (day, deployment_id, model_id, model_version, market, brand, trigger, status)
) WITH (fillfactor = 80);

CREATE FUNCTION roll_up_executions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO executions_daily_rollup AS rollup
    SELECT date_trunc('day', finished_at, 'UTC'), deployment_id, model_id, model_version, market, brand, trigger, status,
           count(*), sum(duration_s), max(duration_s), sum(queue_s), sum(rows_in), sum(rows_out), sum(rows_rejected)
    FROM added
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
    ORDER BY 1, 2, 3, 4, 5, 6, 7, 8
    ON CONFLICT (day, deployment_id, model_id, model_version, market, brand, trigger, status) DO UPDATE SET
        executions = rollup.executions + excluded.executions,
        duration_s = rollup.duration_s + excluded.duration_s,
        longest_s = greatest(rollup.longest_s, excluded.longest_s),
        queue_s = rollup.queue_s + excluded.queue_s,
        rows_in = rollup.rows_in + excluded.rows_in,
        rows_out = rollup.rows_out + excluded.rows_out,
        rows_rejected = rollup.rows_rejected + excluded.rows_rejected;
    RETURN NULL;
END
$$;
CREATE TRIGGER roll_up AFTER INSERT ON executions
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION roll_up_executions();
