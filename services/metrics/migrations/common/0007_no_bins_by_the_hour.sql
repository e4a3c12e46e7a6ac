-- A mean over the bins of a histogram, or over the columns of an input, says nothing: what a run counted while it scored is
-- read point by point. Its rollup, a row an hour and model, stays hidden.

CREATE OR REPLACE VIEW metrics_hourly AS
SELECT hour, model_id, model_version, deployment_id, market, brand, metric,
       points, total / points AS mean, minimum, maximum
FROM metrics_hourly_rollup
WHERE metric NOT IN ('input_histogram', 'prediction_histogram', 'input_distinct', 'prediction_distinct');
