-- TimescaleDB makes and drops chunks by itself; what is left is the policies, and rows that no policy looks after.

-- Instances from before this file still call it.
CREATE OR REPLACE FUNCTION upkeep(keep_metrics interval, keep_series interval) RETURNS void LANGUAGE sql AS '';

-- As before, but that newer servers say the view's name of a job, and not its hypertable's.
CREATE OR REPLACE FUNCTION refresh_for(rollup regclass, kept interval) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    oldest interval := kept - interval '14 days';
BEGIN
    IF EXISTS (
        SELECT FROM timescaledb_information.jobs AS job
        JOIN timescaledb_information.continuous_aggregates AS aggregate
          ON job.hypertable_name IN (aggregate.materialization_hypertable_name, aggregate.view_name)
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

-- True: there is more to do. `kept` is null where nothing is ever dropped.
CREATE FUNCTION upkeep_step(name text, kept interval) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    at_most CONSTANT integer := 10000;
    deleted integer := 0;
BEGIN
    PERFORM set_config('lock_timeout', '5s', true);
    PERFORM pg_advisory_xact_lock(hashtext('metrics upkeep'));
    IF name = 'rejected_points' THEN
        DELETE FROM rejected_points WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM rejected_points WHERE arrived_at < now() - kept ORDER BY arrived_at LIMIT at_most));
        GET DIAGNOSTICS deleted = ROW_COUNT;
    ELSIF kept IS NOT NULL THEN
        PERFORM keep_for(name::regclass, kept);
    END IF;
    IF name = 'metrics' THEN
        PERFORM refresh_for('metrics_hourly_rollup', kept);
    END IF;
    RETURN deleted = at_most;
END
$$;
