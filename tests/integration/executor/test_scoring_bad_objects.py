"""An object that the store doesn't give fails its job with its reason, for good, and harms no other job."""

import uuid
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from sklearn.linear_model import LinearRegression

from services.executor.scoring.errors import ScoringError
from services.executor.scoring.job import ModelArtifact
from services.executor.scoring.warm_driver import WarmDriver
from tests.integration.answering_store import AnsweringStore, answering
from tests.integration.executor.bench import Bench, features, frame, parquet_bytes, score
from tests.integration.executor.conftest import warmed

pytestmark = [pytest.mark.timeout(240), pytest.mark.long]

TABLE = features(2_000)


@pytest.fixture(scope="module")
def store(s3) -> Iterator[AnsweringStore]:
    with answering(s3) as made:
        yield made


@pytest_asyncio.fixture(scope="module")
async def driver(scoring_settings, store) -> AsyncIterator[WarmDriver]:
    """Whose store answers as a test wants."""
    async with warmed(scoring_settings.model_copy(update={"s3": store.settings})) as driver:
        yield driver


@pytest.fixture(scope="module")
def model(bench: Bench) -> ModelArtifact:
    return bench.sklearn(LinearRegression().fit(frame(TABLE), TABLE["id"].to_numpy()))


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("get~403~AccessDenied", "input-forbidden"),
        ("get~403~InvalidObjectState", "input-unfit"),
        ("get~400~KMS.DisabledException", "input-unfit"),
        ("get~405~MethodNotAllowed", "input-unfit"),
        ("get~412~PreconditionFailed", "input-changed"),
        ("get~416~InvalidRange", "input-changed"),
        ("get~404~NoSuchKey", "input-missing"),
        ("get~503~SlowDown", "store-unavailable"),
        ("get~0~", "store-unavailable"),
    ],
)
@pytest.mark.parametrize("data_format", ["parquet", "csv"])
async def test_an_input_that_the_store_does_not_give_says_why(
    bench: Bench, driver: WarmDriver, model: ModelArtifact, answer: str, code: str, data_format: str
) -> None:
    raw = parquet_bytes(TABLE) if data_format == "parquet" else frame(TABLE).to_csv(index=False).encode()
    bad, good = (f"{uuid.uuid4().hex}/{folder}x.{data_format}" for folder in (f"answer~{answer}/", ""))
    for key in (bad, good):
        bench.datasets.put(key, raw)

    with pytest.raises(ScoringError) as raised:
        await score(driver, bench.job(f"s3://datasets/{bad}", model, format=data_format))
    assert (raised.value.code, raised.value.retryable) == (code, code == "store-unavailable")
    assert (await score(driver, bench.job(f"s3://datasets/{good}", model, format=data_format))).rows_out == 2_000
