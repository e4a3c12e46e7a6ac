-- Upkeep by steps, each a short transaction of its own. A table that wants partitions gets them like this:
--   1. `<table>_next` is made: a partition for each month or year that is wanted, and `<table>_rest`;
--   2. from then on, a trigger does to it what is done to the default partition;
--   3. a few megabytes at a time, it gets what was in the default partition before;
--   4. at a stroke, its partitions become the table's, the rest the new default one, and the old one is dropped.
-- Whatever ends it in between, the next call goes on from there.
--
-- A later file that alters one of the tables calls `abandon_move` for it first.

CREATE TABLE partition_moves (
    origin text PRIMARY KEY,
    filenode oid NOT NULL,
    block bigint NOT NULL,
    blocks bigint NOT NULL
);

DROP FUNCTION add_partition(text, text, timestamptz);
DROP FUNCTION drop_before(text, text, timestamptz);

-- Instances from before this file still call it.
CREATE OR REPLACE FUNCTION upkeep(keep_metrics interval, keep_series interval) RETURNS void LANGUAGE sql AS '';

-- Whoever wants these tables waits while we do, so not for long. Autovacuum, which gives way only after a second,
-- is sent away before, by a lock that is in nobody else's way.
CREATE FUNCTION lock_briefly(mode text, VARIADIC tables text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('lock_timeout', '5s', true);
    EXECUTE format('LOCK TABLE %s IN SHARE UPDATE EXCLUSIVE MODE', array_to_string(tables, ', '));
    PERFORM set_config('lock_timeout', '1s', true);
    EXECUTE format('LOCK TABLE %s IN %s MODE', array_to_string(tables, ', '), mode);
END
$$;

-- `first` and `following` are null for the default partition.
CREATE FUNCTION partitions_of(parent text)
RETURNS TABLE (partition text, bounds text, first timestamptz, following timestamptz) LANGUAGE sql STABLE AS $$
    SELECT child.relname, bounds,
           substring(bounds from 'FROM \(''(.+?)''\)')::timestamptz,
           substring(bounds from 'TO \(''(.+?)''\)')::timestamptz
    FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid, pg_get_expr(child.relpartbound, child.oid) AS bounds
    WHERE inhparent = parent::regclass
$$;

-- What is wanted for a moment that has no partition: its month, or its year if nothing divides that by months.
-- Twenty years of months would be more than a query without a time can lock.
CREATE FUNCTION span_of(
    parent text, moment timestamptz, OUT partition text, OUT first timestamptz, OUT following timestamptz
) LANGUAGE plpgsql STABLE AS $$
DECLARE
    here timestamp := moment AT TIME ZONE 'UTC';
    today timestamp := now() AT TIME ZONE 'UTC';
    unit text := 'year';
BEGIN
    IF date_trunc('year', here) IN (date_trunc('year', today), date_trunc('year', today + interval '3 months'))
        OR EXISTS (
            SELECT FROM partitions_of(parent) AS made
            WHERE date_trunc('year', made.first AT TIME ZONE 'UTC') = date_trunc('year', here)
        )
    THEN
        unit := 'month';
    END IF;
    partition := parent || to_char(here, CASE unit WHEN 'month' THEN '"_"YYYY"_"MM' ELSE '"_"YYYY' END);
    first := date_trunc(unit, here) AT TIME ZONE 'UTC';
    following := (date_trunc(unit, here) + ('1 ' || unit)::interval) AT TIME ZONE 'UTC';
END
$$;

-- Those of this month and the next three, and those of rows in the default partition.
CREATE FUNCTION spans_wanted(parent text, key text)
RETURNS TABLE (partition text, first timestamptz, following timestamptz) LANGUAGE plpgsql STABLE AS $$
DECLARE
    moment timestamptz;
BEGIN
    RETURN QUERY
        SELECT span.*
        FROM generate_series(0, 3) AS ahead,
             span_of(parent, (now() AT TIME ZONE 'UTC' + ahead * interval '1 month') AT TIME ZONE 'UTC') AS span
        WHERE NOT EXISTS (
            SELECT FROM partitions_of(parent) AS made WHERE made.first <= span.first AND span.first < made.following);
    following := '-infinity';
    LOOP
        EXECUTE format('SELECT min(%1$I) FROM %2$I WHERE %1$I >= %3$L', key, parent || '_default', following) INTO moment;
        EXIT WHEN moment IS NULL;
        SELECT * INTO partition, first, following FROM span_of(parent, moment);
        RETURN NEXT;
    END LOOP;
END
$$;

-- What is done to a row of `<table>_default` while it is moved.
DO $do$
DECLARE
    parent text;
    identity text;
BEGIN
    FOR parent, identity IN VALUES
        ('metrics', 'time, source, event_id, point_no'),
        ('timeseries_data', 'time, source, event_id, point_no'),
        ('executions', 'finished_at, execution_id')
    LOOP
        EXECUTE format(
            $sql$
            CREATE FUNCTION %1$I() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF TG_OP <> 'INSERT' THEN
                    DELETE FROM %2$I WHERE (%3$s) = (%4$s);
                END IF;
                IF TG_OP <> 'DELETE' THEN
                    INSERT INTO %2$I SELECT NEW.* ON CONFLICT DO NOTHING;
                END IF;
                RETURN NULL;
            END
            $$
            $sql$,
            parent || '_to_next', parent || '_next', identity, regexp_replace(identity, '(\w+)', 'OLD.\1', 'g'));
    END LOOP;
END
$do$;

CREATE FUNCTION abandon_move(parent text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM lock_briefly('ACCESS EXCLUSIVE', parent || '_default');
    EXECUTE format('DROP TRIGGER IF EXISTS to_next ON %I', parent || '_default');
    EXECUTE format('DROP TABLE IF EXISTS %I', parent || '_next');
    DELETE FROM partition_moves WHERE origin = parent || '_default';
END
$$;

-- 1. False: no partition is wanted. The constraints spare attaching a look at the rows.
CREATE FUNCTION begin_move(parent text, key text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    span record;
    elsewhere text;
BEGIN
    FOR span IN SELECT DISTINCT * FROM spans_wanted(parent, key) LOOP
        IF to_regclass(parent || '_next') IS NULL THEN
            EXECUTE format(
                'CREATE TABLE %I (LIKE %I INCLUDING ALL) PARTITION BY RANGE (%I)', parent || '_next', parent, key);
        END IF;
        EXECUTE format(
            'CREATE TABLE %1$I PARTITION OF %2$I (CONSTRAINT within CHECK (%3$I >= %4$L AND %3$I < %5$L)) '
            'FOR VALUES FROM (%4$L) TO (%5$L)',
            span.partition, parent || '_next', key, span.first, span.following);
    END LOOP;
    IF to_regclass(parent || '_next') IS NULL THEN
        RETURN false;
    END IF;
    SELECT string_agg(format('NOT (%1$I >= %2$L AND %1$I < %3$L)', key, made.first, made.following), ' AND ')
    INTO elsewhere
    FROM (SELECT * FROM partitions_of(parent) UNION ALL SELECT * FROM partitions_of(parent || '_next')) AS made
    WHERE made.first IS NOT NULL;
    EXECUTE format(
        'CREATE TABLE %I PARTITION OF %I (CONSTRAINT within CHECK (%s)) DEFAULT',
        parent || '_rest', parent || '_next', elsewhere);
    RETURN true;
END
$$;

-- 2. No writer that has not met the trigger is left when the blocks are counted.
CREATE FUNCTION follow_writers(parent text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    origin text := parent || '_default';
BEGIN
    PERFORM lock_briefly('SHARE ROW EXCLUSIVE', origin);
    EXECUTE format(
        'CREATE TRIGGER to_next AFTER INSERT OR UPDATE OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION %I()',
        origin, parent || '_to_next');
    INSERT INTO partition_moves
    SELECT origin, pg_relation_filenode(origin), 0, pg_relation_size(origin) / current_setting('block_size')::integer;
END
$$;

-- 3. Two megabytes, with what lies in TOAST by its share. Rows are locked, lest one that is deleted meanwhile comes back.
CREATE FUNCTION copy_some(parent text, block bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    origin text := parent || '_default';
    following bigint := block + greatest(1, 256 * pg_relation_size(origin) / greatest(1, pg_table_size(origin)));
BEGIN
    EXECUTE format(
        'INSERT INTO %I SELECT * FROM %I WHERE ctid >= %L AND ctid < %L FOR SHARE ON CONFLICT DO NOTHING',
        parent || '_next', origin, format('(%s,0)', block), format('(%s,0)', following));
    UPDATE partition_moves AS move SET block = following WHERE move.origin = parent || '_default';
END
$$;

-- 4.
CREATE FUNCTION end_move(parent text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    made record;
BEGIN
    EXECUTE format('DROP TABLE %I', parent || '_default');
    -- The rest at last: as long as there is no default partition, attaching another looks into none.
    FOR made IN SELECT * FROM partitions_of(parent || '_next') ORDER BY following NULLS LAST LOOP
        EXECUTE format('ALTER TABLE %I DETACH PARTITION %I', parent || '_next', made.partition);
        EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I %s', parent, made.partition, made.bounds);
        EXECUTE format('ALTER TABLE %I DROP CONSTRAINT within', made.partition);
    END LOOP;
    EXECUTE format('ALTER TABLE %I RENAME TO %I', parent || '_rest', parent || '_default');
    EXECUTE format('DROP TABLE %I', parent || '_next');
    DELETE FROM partition_moves WHERE origin = parent || '_default';
END
$$;

CREATE FUNCTION go_on_moving(parent text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    move partition_moves;
BEGIN
    SELECT * INTO move FROM partition_moves WHERE origin = parent || '_default';
    IF NOT FOUND THEN
        PERFORM follow_writers(parent);
        RETURN;
    END IF;
    IF move.block < move.blocks THEN
        EXECUTE format('LOCK TABLE %I IN ROW SHARE MODE', move.origin);
    ELSE
        PERFORM lock_briefly('ACCESS EXCLUSIVE', 'ONLY ' || parent, move.origin, parent || '_next');
    END IF;
    IF move.filenode <> pg_relation_filenode(move.origin) THEN  -- VACUUM FULL or TRUNCATE: the blocks are others.
        PERFORM abandon_move(parent);
    ELSIF move.block < move.blocks THEN
        PERFORM copy_some(parent, move.block);
    ELSE
        PERFORM end_move(parent);
    END IF;
END
$$;

-- True: there may be more.
CREATE FUNCTION delete_some(name text, key text, horizon timestamptz) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    at_most CONSTANT integer := 10000;
    deleted integer;
BEGIN
    EXECUTE format(
        'DELETE FROM %1$I WHERE ctid = ANY (ARRAY(SELECT ctid FROM %1$I WHERE %2$I < %3$L ORDER BY %2$I LIMIT %4$s))',
        name, key, horizon, at_most);
    GET DIAGNOSTICS deleted = ROW_COUNT;
    RETURN deleted = at_most;
END
$$;

-- A month goes when it is over; of a year and of the default partition, what is old enough.
CREATE FUNCTION drop_some(parent text, key text, horizon timestamptz) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    old text;
BEGIN
    SELECT made.partition INTO old FROM partitions_of(parent) AS made
    WHERE made.following <= horizon ORDER BY made.following LIMIT 1;
    IF FOUND THEN
        PERFORM lock_briefly('ACCESS EXCLUSIVE', 'ONLY ' || parent, parent || '_default', old);
        EXECUTE format('DROP TABLE %I', old);
        RETURN true;
    END IF;
    FOR old IN
        SELECT made.partition FROM partitions_of(parent) AS made
        WHERE made.first IS NULL OR made.first < horizon AND made.following - made.first > interval '31 days'
    LOOP
        IF delete_some(old, key, horizon) THEN
            RETURN true;
        END IF;
    END LOOP;
    RETURN false;
END
$$;

-- True: there is more to do. `kept` is null where nothing is ever dropped.
CREATE FUNCTION upkeep_step(name text, kept interval) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    horizon timestamptz := now() - kept;
    key text := CASE name WHEN 'executions' THEN 'finished_at' ELSE 'time' END;
BEGIN
    PERFORM set_config('lock_timeout', '5s', true);
    PERFORM pg_advisory_xact_lock(hashtext('metrics upkeep'));
    IF name = 'rejected_points' THEN
        RETURN delete_some(name, 'arrived_at', horizon);
    ELSIF to_regclass(name || '_next') IS NULL THEN
        RETURN drop_some(name, key, horizon) OR begin_move(name, key);
    END IF;
    PERFORM go_on_moving(name);
    RETURN true;
EXCEPTION WHEN disk_full THEN
    -- What room there is belongs to the store; the next turn tries again.
    IF to_regclass(name || '_next') IS NOT NULL THEN
        PERFORM abandon_move(name);
    END IF;
    RETURN false;
END
$$;
