CREATE FUNCTION upkeep(keep_metrics interval, keep_series interval) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    ahead integer;
    month timestamptz;
BEGIN
    -- Two instances at once would wait for each other's partitions; readers and writers shall not wait for long.
    PERFORM pg_advisory_xact_lock(hashtext('metrics upkeep'));
    PERFORM set_config('lock_timeout', '5s', true);
    FOR ahead IN 0..3 LOOP
        month := (date_trunc('month', now() AT TIME ZONE 'UTC') + ahead * interval '1 month') AT TIME ZONE 'UTC';
        PERFORM add_partition('metrics', 'time', month);
        PERFORM add_partition('timeseries_data', 'time', month);
        PERFORM add_partition('executions', 'finished_at', month);
    END LOOP;
    PERFORM drop_before('metrics', 'time', now() - keep_metrics);
    PERFORM drop_before('timeseries_data', 'time', now() - keep_series);
    DELETE FROM rejected_points WHERE arrived_at < now() - interval '90 days';
END
$$;
