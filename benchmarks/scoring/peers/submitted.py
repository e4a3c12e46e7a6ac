"""What `spark-submit` runs: a session, one input scored by `mapInPandas`, the end."""

import os
import sys
from typing import Any

from pyspark.sql import SparkSession

from benchmarks.scoring.peers.mapping import map_in_pandas
from benchmarks.scoring.peers.settings import settings


def main(source: str, target: str, model: str, *columns: str) -> None:
    builder: Any = SparkSession.builder
    spark: SparkSession = builder.config(map=settings(os.environ)).getOrCreate()
    map_in_pandas(spark.read.parquet(source), model, columns, ["id"]).write.mode("overwrite").parquet(target)
    spark.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
