-- Whoever reads is granted mlp_reader, and sees the views and nothing else. Roles belong to the whole server:
-- another database's migration may be making the same one right now.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'mlp_reader') THEN
        CREATE ROLE mlp_reader NOLOGIN;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;
END
$$;

GRANT USAGE ON SCHEMA public TO mlp_reader;
GRANT SELECT ON metric_points, series_points, execution_runs, metrics_hourly, executions_daily, points_rejected
    TO mlp_reader;
