-- TimescaleDB makes and drops chunks by itself; what is left is the policies, and rows that no policy looks after.

-- Instances from before this file still call it.
CREATE OR REPLACE FUNCTION upkeep(keep_metrics interval, keep_series interval) RETURNS void LANGUAGE sql AS '';

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
