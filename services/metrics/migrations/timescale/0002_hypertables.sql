SELECT create_hypertable('metrics', by_range('time', interval '7 days'));
SELECT create_hypertable('timeseries_data', by_range('time', interval '90 days'));
SELECT create_hypertable('executions', by_range('finished_at', interval '30 days'));

ALTER TABLE metrics SET (
    timescaledb.enable_columnstore, timescaledb.segmentby = 'model_id, metric', timescaledb.orderby = 'time DESC');
ALTER TABLE timeseries_data SET (
    timescaledb.enable_columnstore, timescaledb.segmentby = 'series_id', timescaledb.orderby = 'time DESC');
ALTER TABLE executions SET (
    timescaledb.enable_columnstore, timescaledb.segmentby = 'deployment_id', timescaledb.orderby = 'finished_at DESC');

CALL add_columnstore_policy('metrics', after => interval '30 days');
CALL add_columnstore_policy('timeseries_data', after => interval '180 days');
CALL add_columnstore_policy('executions', after => interval '90 days');
