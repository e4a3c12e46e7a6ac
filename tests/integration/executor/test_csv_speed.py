"""How long a large CSV object takes two workers, shared and read by one task, beside the same rows in parquet.

Figures of docs/figures.md: `pytest tests/integration/executor/test_csv_speed.py -m long -s`. The embedded store packs
what it can, and unpacks it for whoever reads, which takes longer than all else here; `MLP_S3_ENDPOINT`,
`MLP_S3_ACCESS_KEY` and `MLP_S3_SECRET_KEY` name another one.
"""

import io
import os
import time
from collections.abc import Iterator
from statistics import median

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pytest
from sklearn.linear_model import LinearRegression

from chassis.sandbox.settings import SandboxSettings
from chassis.settings import S3Settings
from services.executor.scoring.job import ScoringJob
from services.executor.scoring.settings import ScoringSettings, SparkSettings
from services.executor.scoring.warm_driver import WarmDriver
from tests.integration.executor.bench import Bench, parquet_bytes, score, signature
from tests.integration.executor.cluster import Cluster, clustered
from tests.integration.executor.conftest import warmed

ROWS, ROW_GROUP, ROUNDS = 1_000_000, 125_000, 3
NAMES = tuple(f"f{number:02d}" for number in range(20))


@pytest.fixture(scope="module")
def table() -> pa.Table:
    random = np.random.default_rng(0)
    return pa.table({name: random.normal(size=ROWS) for name in NAMES})


@pytest.fixture(scope="module")
def csv(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pacsv.write_csv(table, sink)
    return sink.getvalue()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with clustered(tmp_path_factory.mktemp("cluster")) as made:
        yield made


@pytest.fixture(scope="module")
def store(s3: S3Settings) -> S3Settings:
    return S3Settings() if "MLP_S3_ENDPOINT" in os.environ else s3


async def measured(
    name: str, driver: WarmDriver, cluster: Cluster, job: ScoringJob, *, by_one_task: bool = False
) -> None:
    """Prints the median of what it takes; the first time warms."""
    took, busy = list[float](), list[float]()
    for _ in range(ROUNDS + 1):
        began, before = time.perf_counter(), cluster.busy_s()
        outcome = await score(driver, job)
        took.append(time.perf_counter() - began)
        busy.append(cluster.busy_s() - before)
        assert outcome.rows_out == ROWS
        assert (outcome.metrics["splits"] == 1) is by_one_task
    print(f"{name}: {median(took[1:]):.2f} s, of the workers' processors {median(busy[1:]):.2f} s")  # noqa: T201 - what was measured


@pytest.mark.long
@pytest.mark.timeout(1800)
async def test_a_large_csv_beside_parquet(
    scoring_settings: ScoringSettings, cluster: Cluster, store: S3Settings, table: pa.Table, csv: bytes
) -> None:
    bench = Bench(store)
    fitted = LinearRegression().fit(table.slice(0, 1_000).to_pandas(), np.arange(1_000))
    model = bench.sklearn(fitted, signature=signature(names=NAMES))
    as_parquet = bench.job(bench.new_input(parquet_bytes(table, ROW_GROUP)), model)
    as_csv = bench.job(bench.new_input(csv, suffix=".csv"), model, format="csv")
    spark = SparkSettings(master=cluster.url, driver_host="127.0.0.1", cores_max=2, secret=cluster.secret)
    changed = {"s3": store, "spark": spark, "sandbox": SandboxSettings()}
    settings = scoring_settings.model_copy(update=changed)
    async with warmed(settings) as driver:
        await measured("\nparquet", driver, cluster, as_parquet)
        await measured("CSV, shared", driver, cluster, as_csv)
    async with warmed(settings.model_copy(update={"csv_range_bytes": len(csv)})) as driver:
        await measured("CSV, by one task", driver, cluster, as_csv, by_one_task=True)
    began = time.process_time()
    pacsv.read_csv(pa.py_buffer(csv))
    print(f"{len(csv) / 1e6:.0f} MB parsed by PyArrow alone: {time.process_time() - began:.2f} s")  # noqa: T201 - what was measured
