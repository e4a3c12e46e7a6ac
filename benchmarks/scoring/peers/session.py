"""A warm session of Spark, through S3A: MLflow's `spark_udf` and Spark's own `mapInPandas`."""

import functools
import importlib
import os
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import joblib
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.functions import struct

from benchmarks.scoring.peers.mapping import map_in_pandas
from benchmarks.scoring.peers.settings import settings
from benchmarks.scoring.warmth import kept_warm


def open_handler() -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Answers `{how, model, columns, kept, input, output}` with the seconds that it took."""
    builder: Any = SparkSession.builder
    spark: SparkSession = builder.config(map=settings(os.environ)).getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return kept_warm(functools.partial(_handle, spark), functools.partial(_little, spark))


def _little(spark: SparkSession) -> None:
    spark.range(2, numPartitions=2).mapInPandas(_same, "id long").collect()


def _same(frames: Iterator[Any]) -> Iterator[Any]:
    yield from frames


def _handle(spark: SparkSession, wanted: dict[str, Any]) -> dict[str, Any]:
    score = {"spark_udf": _spark_udf, "mapInPandas": map_in_pandas}[wanted["how"]]
    began = time.perf_counter()
    scored = score(spark.read.parquet(wanted["input"]), wanted["model"], wanted["columns"], wanted["kept"])
    scored.write.mode("overwrite").parquet(wanted["output"])
    return {"seconds": time.perf_counter() - began}


def _spark_udf(rows: DataFrame, model: str, columns: Sequence[str], kept: Sequence[str]) -> DataFrame:
    return rows.select(*kept, _udf(model)(struct(*columns)).alias("prediction"))


@functools.cache
def _udf(model: str) -> Callable[..., Any]:
    saved = Path(os.environ["BENCH_SCRATCH"]) / f"mlflow-{uuid.uuid4().hex}"
    flavor: Any = importlib.import_module("mlflow.sklearn")
    # What it writes by default refuses boosted trees.
    flavor.save_model(joblib.load(model), saved, serialization_format="cloudpickle")
    pyfunc: Any = importlib.import_module("mlflow.pyfunc")
    return pyfunc.spark_udf(SparkSession.getActiveSession(), str(saved), result_type="double", env_manager="local")
