"""A SparkContext for the split path: no DataFrames, no UI, small heap (figures in docs and FIELD-NOTES)."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyspark
from pyspark import SparkConf, SparkContext

from services.executor.scoring.heap import freeze_heap
from services.executor.scoring.settings import SparkSettings
from services.executor.scoring.task import MAX_ATTEMPTS

ROOT = Path(__file__).resolve().parents[3]
_LOOPBACK = "127.0.0.1"
_JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


def prepare_environment(settings: SparkSettings, work_dir: Path) -> None:
    """What the JVM, its Python daemon and the workers inherit. Call before the first SparkContext."""
    environment = os.environ
    for name in _THREADS:
        environment[name] = "1"
    environment["PYSPARK_PYTHON"] = environment["PYSPARK_DRIVER_PYTHON"] = sys.executable
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), environment.get("PYTHONPATH", "")]))
    if not os.access(Path(pyspark.__file__).parent, os.W_OK):
        # Somewhere compiled modules must be kept, or each worker compiles its libraries again.
        environment["PYTHONPYCACHEPREFIX"] = str(work_dir.parent / "pycache")
    environment["SPARK_LOCAL_DIRS"] = str(work_dir)
    if settings.is_local:
        environment["SPARK_LOCAL_IP"] = _LOOPBACK


def start_context(settings: SparkSettings, work_dir: Path) -> SparkContext:
    place = _local() if settings.is_local else _on_cluster(settings)
    conf = _conf(settings, work_dir).setAll([*place, *settings.conf.items()])
    if settings.secret is not None:
        # What is set before the JVM starts stands on its command line, for all to see.
        SparkContext._ensure_initialized(conf=conf)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        conf.set("spark.authenticate.secret", settings.secret.get_secret_value())
    context = SparkContext(conf=conf)
    context.setLogLevel("ERROR")
    return context


def _conf(settings: SparkSettings, work_dir: Path) -> SparkConf:
    java = f"{_JAVA} -Djava.io.tmpdir={work_dir} -Dspark.ui.enabled=false"
    return (
        SparkConf()
        .setMaster(settings.master)
        .setAppName("ml-platform-scoring")
        .set("spark.ui.enabled", "false")
        .set("spark.ui.showConsoleProgress", "false")
        .set("spark.driver.memory", settings.driver_memory)
        .set("spark.driver.extraJavaOptions", java)
        .set("spark.python.unix.domain.socket.enabled", "true")
        .set("spark.python.task.killTimeout", "500ms")
        .set("spark.task.maxFailures", str(MAX_ATTEMPTS))
        .set("spark.task.reaper.enabled", "true")
        .set("spark.task.reaper.pollingInterval", "1s")
        .set("spark.task.reaper.killTimeout", "20s")
        .set("spark.python.worker.reuse", "true")
        .set("spark.python.daemon.module", "services.executor.scoring.daemon")
    )


def _local() -> list[tuple[str, str]]:
    return [("spark.driver.host", _LOOPBACK), ("spark.driver.bindAddress", _LOOPBACK)]


def _on_cluster(settings: SparkSettings) -> list[tuple[str, str]]:
    """Its executors find our code and Python where this machine has them, and the driver by what is said here."""
    said = {
        "spark.driver.host": settings.driver_host,
        "spark.driver.bindAddress": settings.driver_bind_address or settings.driver_host,
        "spark.driver.port": settings.driver_port or None,
        "spark.driver.blockManager.port": settings.block_manager_port or None,
        "spark.cores.max": settings.cores_max,
        "spark.executor.cores": settings.executor_cores,
        "spark.executor.memory": settings.executor_memory,
        # A standalone worker sweeps where its executors run: what a killed one leaves doesn't pile up elsewhere.
        "spark.executor.extraJavaOptions": f"{_JAVA} -Djava.io.tmpdir=." if settings.is_standalone else _JAVA,
        "spark.executorEnv.PYTHONPATH": os.environ["PYTHONPATH"],
        "spark.authenticate": "true" if settings.secret else None,
        "spark.network.crypto.enabled": "true" if settings.secret else None,
        **{f"spark.executorEnv.{name}": 1 for name in _THREADS},
    }
    return [(name, str(value)) for name, value in said.items() if value is not None]


def jvm_of(context: SparkContext) -> "subprocess.Popen[bytes]":
    """The JVM of a started context, which PySpark keeps to itself."""
    gateway: Any = context._gateway  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    return gateway.proc


def executors_of(context: SparkContext) -> int:
    """Executors that a cluster has given to a started context."""
    jvm: Any = context._jsc  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    return jvm.sc().getExecutorMemoryStatus().size() - 1  # The driver is one of them.


def warm_up(context: SparkContext) -> None:
    """The first Python job starts the daemon, and a worker a core."""
    cores = context.defaultParallelism
    context.parallelize(range(cores), cores).map(_settle).collect()


def run_little(context: SparkContext) -> None:
    """The least that shows whether Spark still runs Python."""
    context.parallelize([0], 1).map(_same).collect()


def _same(number: int) -> int:
    return number


def _settle(number: int) -> int:
    freeze_heap()
    return number
