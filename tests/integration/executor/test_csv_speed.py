"""How long a large CSV object takes, shared by tasks and read by one, beside the same rows in parquet.

Figures of docs/figures.md: `pytest tests/integration/executor/test_csv_speed.py -m long -s`.
"""

import io
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from statistics import median

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pytest
from sklearn.linear_model import LinearRegression

from chassis.sandbox.settings import SandboxSettings
from services.executor.scoring.job import ScoringJob
from services.executor.scoring.settings import ScoringSettings, SparkSettings
from services.executor.scoring.warm_driver import WarmDriver
from tests.integration.executor.bench import Bench, parquet_bytes, score, signature
from tests.integration.executor.cluster import clustered
from tests.integration.executor.conftest import warmed

ROWS, ROW_GROUP, ROUNDS = 1_000_000, 125_000, 3
NAMES = tuple(f"f{number:02d}" for number in range(20))
NEVER = 1 << 60
"""No object is so large that it is cut."""


@pytest.fixture(scope="module")
def table() -> pa.Table:
    random = np.random.default_rng(0)
    return pa.table({name: random.normal(size=ROWS) for name in NAMES})


@pytest.fixture(scope="module")
def csv(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pacsv.write_csv(table, sink)
    return sink.getvalue()


@pytest.fixture(scope="module", params=["local[2,4]", "two workers"])
def places(request, scoring_settings: ScoringSettings, tmp_path_factory) -> Iterator[ScoringSettings]:
    if request.param.startswith("local"):
        yield scoring_settings
        return
    with clustered(tmp_path_factory.mktemp("cluster")) as cluster:
        spark = SparkSettings(master=cluster.url, driver_host="127.0.0.1", cores_max=2, secret=cluster.secret)
        yield scoring_settings.model_copy(update={"spark": spark, "sandbox": SandboxSettings()})


@asynccontextmanager
async def sharing(settings: ScoringSettings, range_bytes: int) -> AsyncGenerator[WarmDriver]:
    async with warmed(settings.model_copy(update={"csv_range_bytes": range_bytes})) as driver:
        yield driver


async def seconds(driver: WarmDriver, bench: Bench, job: ScoringJob) -> float:
    """The median; the first time warms."""
    took = list[float]()
    for _ in range(ROUNDS + 1):
        began = time.perf_counter()
        outcome = await score(driver, job)
        took.append(time.perf_counter() - began)
        assert outcome.rows_out == ROWS
    return median(took[1:])


@pytest.mark.long
@pytest.mark.timeout(1800)
async def test_a_shared_csv_takes_less_time_than_by_one_task(
    places: ScoringSettings, bench: Bench, table: pa.Table, csv: bytes
) -> None:
    fitted = LinearRegression().fit(table.slice(0, 1_000).to_pandas(), np.arange(1_000))
    model = bench.sklearn(fitted, signature=signature(names=NAMES))
    as_parquet = bench.job(bench.new_input(parquet_bytes(table, ROW_GROUP)), model)
    as_csv = bench.job(bench.new_input(csv, suffix=".csv"), model, format="csv")
    async with sharing(places, ScoringSettings().csv_range_bytes) as driver:
        parquet, shared = [await seconds(driver, bench, job) for job in (as_parquet, as_csv)]
    async with sharing(places, NEVER) as driver:
        alone = await seconds(driver, bench, as_csv)
    began = time.perf_counter()
    pacsv.read_csv(pa.py_buffer(csv))
    parsed = time.perf_counter() - began
    where, size_mb = places.spark.master.partition(":")[0], len(csv) / 1e6
    figures = f"parquet {parquet:.2f} s, CSV of {size_mb:.0f} MB shared {shared:.2f} s, by one task {alone:.2f} s"
    print(f"\n{where}: {figures}; parsed by PyArrow alone {parsed:.2f} s")  # noqa: T201 - what was measured
    assert shared < alone
