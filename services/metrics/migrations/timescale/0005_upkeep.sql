CREATE FUNCTION keep_for(hypertable regclass, kept interval) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM timescaledb_information.jobs
        WHERE proc_name = 'policy_retention' AND format('%I.%I', hypertable_schema, hypertable_name)::regclass = hypertable
          AND (config ->> 'drop_after')::interval = kept
    ) THEN
        RETURN;
    END IF;
    PERFORM remove_retention_policy(hypertable, if_exists => true);
    PERFORM add_retention_policy(hypertable, drop_after => kept);
END
$$;

-- A rollup outlives its points: what is older than them may not be refreshed, or it would be emptied.
CREATE FUNCTION refresh_for(rollup regclass, kept interval) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    oldest interval := kept - interval '14 days';
BEGIN
    IF EXISTS (
        SELECT FROM timescaledb_information.jobs AS job
        JOIN timescaledb_information.continuous_aggregates AS aggregate
          ON aggregate.materialization_hypertable_name = job.hypertable_name
        WHERE job.proc_name = 'policy_refresh_continuous_aggregate'
          AND format('%I.%I', aggregate.view_schema, aggregate.view_name)::regclass = rollup
          AND (job.config ->> 'start_offset')::interval = oldest
    ) THEN
        RETURN;
    END IF;
    PERFORM remove_continuous_aggregate_policy(rollup, if_exists => true);
    PERFORM add_continuous_aggregate_policy(rollup,
        start_offset => oldest, end_offset => interval '1 hour', schedule_interval => interval '5 minutes');
END
$$;

CREATE FUNCTION upkeep(keep_metrics interval, keep_series interval) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('metrics upkeep'));
    PERFORM keep_for('metrics', keep_metrics);
    PERFORM keep_for('timeseries_data', keep_series);
    PERFORM refresh_for('metrics_hourly_rollup', keep_metrics);
    DELETE FROM rejected_points WHERE arrived_at < now() - interval '90 days';
END
$$;
