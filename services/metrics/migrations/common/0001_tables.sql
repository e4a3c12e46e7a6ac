-- A redelivered event must meet its own rows again: times are the event's, and every key begins with one,
-- because a partitioned table and a hypertable can only enforce keys that hold their partitioning column.

CREATE TABLE metrics (
    time timestamptz NOT NULL,
    model_id text NOT NULL,
    model_version integer,
    deployment_id text,
    execution_id uuid,
    market text,
    brand text,
    metric text NOT NULL,
    value double precision NOT NULL,
    labels jsonb NOT NULL,
    source text NOT NULL,
    event_id text NOT NULL,
    point_no integer NOT NULL,
    PRIMARY KEY (time, source, event_id, point_no)
);
CREATE INDEX ON metrics (model_id, metric, time DESC);
CREATE INDEX ON metrics (execution_id) WHERE execution_id IS NOT NULL;

CREATE TABLE timeseries_data (
    time timestamptz NOT NULL,
    series_id text NOT NULL,
    value double precision NOT NULL,
    labels jsonb NOT NULL,
    source text NOT NULL,
    event_id text NOT NULL,
    point_no integer NOT NULL,
    PRIMARY KEY (time, source, event_id, point_no)
);
CREATE INDEX ON timeseries_data (series_id, time DESC);

CREATE TABLE executions (
    finished_at timestamptz NOT NULL,
    execution_id uuid NOT NULL,
    deployment_id text NOT NULL,
    deployment_revision integer NOT NULL,
    model_id text NOT NULL,
    model_version integer NOT NULL,
    market text NOT NULL,
    brand text,
    trigger text NOT NULL,
    status text NOT NULL,
    attempt bigint NOT NULL,
    requested_by text NOT NULL,
    requested_at timestamptz NOT NULL,
    started_at timestamptz,
    logical_date timestamptz,
    queue_s double precision NOT NULL,
    duration_s double precision NOT NULL,
    rows_in bigint NOT NULL,
    rows_out bigint NOT NULL,
    rows_rejected bigint NOT NULL,
    metrics jsonb NOT NULL,
    error_code text,
    error_message text,
    output_uri text,
    manifest_uri text,
    manifest_sha256 text,
    log_uri text,
    request_id text NOT NULL,
    source text NOT NULL,
    event_id text NOT NULL,
    correlation_id text NOT NULL,
    causation_id text,
    PRIMARY KEY (finished_at, execution_id)
);
CREATE INDEX ON executions (execution_id);
CREATE INDEX ON executions (deployment_id, finished_at DESC);
CREATE INDEX ON executions (model_id, finished_at DESC);

CREATE TABLE rejected_points (
    arrived_at timestamptz NOT NULL,
    reason text NOT NULL,
    time timestamptz NOT NULL,
    event_type text NOT NULL,
    subject text NOT NULL,
    metric text,
    value double precision NOT NULL,
    labels jsonb NOT NULL,
    source text NOT NULL,
    event_id text NOT NULL,
    point_no integer NOT NULL,
    PRIMARY KEY (source, event_id, point_no)
);
CREATE INDEX ON rejected_points (arrived_at);
