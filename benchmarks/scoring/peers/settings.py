"""Settings of Spark for S3A, the best that were found: a session and `spark-submit` take the same."""

from collections.abc import Mapping

MASTER = "local[2]"


def settings(environ: Mapping[str, str]) -> dict[str, str]:
    """By name. The store's keys are not among them: S3A reads `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`.

    Args:
        environ: `BENCH_JARS` (a folder), `BENCH_S3_ENDPOINT`, `BENCH_SCRATCH` (a folder).
    """
    return {
        "spark.master": MASTER,
        "spark.driver.memory": "1g",
        # Not `spark.jars`: that copies its 690 MB at each start.
        "spark.driver.extraClassPath": f"{environ['BENCH_JARS']}/*",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.local.dir": environ["BENCH_SCRATCH"],
        "spark.sql.warehouse.dir": f"{environ['BENCH_SCRATCH']}/warehouse",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.python.unix.domain.socket.enabled": "true",
        "spark.python.unix.domain.socket.dir": environ["BENCH_SCRATCH"],
        "spark.sql.execution.arrow.maxRecordsPerBatch": "50000",
        "spark.sql.files.maxPartitionBytes": "64m",
        **_s3a(environ["BENCH_S3_ENDPOINT"]),
    }


def _s3a(endpoint: str) -> dict[str, str]:
    wanted = {
        "endpoint": endpoint,
        "endpoint.region": "us-east-1",
        "path.style.access": "true",
        "connection.ssl.enabled": "false",
    }
    # The second algorithm moves each part once. The committers that move none are in no jar for this Spark.
    committer = {"spark.hadoop.mapreduce.fileoutputcommitter.algorithm.version": "2"}
    return {f"spark.hadoop.fs.s3a.{name}": value for name, value in wanted.items()} | committer
