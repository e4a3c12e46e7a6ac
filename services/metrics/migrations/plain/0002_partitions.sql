-- The tables as they are become the default partitions: what no month has been made for lands there.

ALTER TABLE metrics RENAME TO metrics_default;
CREATE TABLE metrics (LIKE metrics_default INCLUDING ALL) PARTITION BY RANGE (time);
ALTER TABLE metrics ATTACH PARTITION metrics_default DEFAULT;

ALTER TABLE timeseries_data RENAME TO timeseries_data_default;
CREATE TABLE timeseries_data (LIKE timeseries_data_default INCLUDING ALL) PARTITION BY RANGE (time);
ALTER TABLE timeseries_data ATTACH PARTITION timeseries_data_default DEFAULT;

ALTER TABLE executions RENAME TO executions_default;
CREATE TABLE executions (LIKE executions_default INCLUDING ALL) PARTITION BY RANGE (finished_at);
ALTER TABLE executions ATTACH PARTITION executions_default DEFAULT;

-- `month` is the first moment of a month in UTC.
CREATE FUNCTION add_partition(parent text, key text, month timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    following timestamptz := (month AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC';
    partition text := parent || to_char(month AT TIME ZONE 'UTC', '"_"YYYY"_"MM');
BEGIN
    IF to_regclass(partition) IS NOT NULL THEN
        RETURN;
    END IF;
    -- Until the month is attached, nothing may arrive in the default partition that belongs to it.
    EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', parent || '_default');
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', partition, parent);
    EXECUTE format(
        'WITH moved AS (DELETE FROM %I WHERE %I >= %L AND %I < %L RETURNING *) INSERT INTO %I SELECT * FROM moved',
        parent || '_default', key, month, key, following, partition);
    EXECUTE format(
        'ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, partition, month, following);
END
$$;

CREATE FUNCTION drop_before(parent text, key text, horizon timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    partition text;
BEGIN
    FOR partition IN
        SELECT child.relname FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid
        WHERE inhparent = parent::regclass AND child.relname ~ '_\d{4}_\d{2}$'
          AND to_date(right(child.relname, 7), 'YYYY_MM') + interval '1 month' <= horizon AT TIME ZONE 'UTC'
    LOOP
        EXECUTE format('DROP TABLE %I', partition);
    END LOOP;
    EXECUTE format('DELETE FROM %I WHERE %I < %L', parent || '_default', key, horizon);
END
$$;
