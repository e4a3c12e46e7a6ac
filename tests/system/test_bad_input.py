"""What is wrong is answered with a stable code, and nothing else stops."""

import pyarrow as pa
import pytest

from examples.grocery.errors import RefusalError
from tests.system.conftest import model
from tests.system.models import linear, sales, signature

pytestmark = pytest.mark.timeout(240)

SIGNATURE = signature("double", "float")


async def refusal(asking) -> str:
    with pytest.raises(RefusalError) as caught:
        await asking
    return caught.value.code


@pytest.mark.parametrize(
    ("uri", "code"),
    [
        ("s3://models/incoming/tests/never-put.onnx", "artifact-missing"),
        ("s3://models/incoming/../sha256/x", "schema-invalid"),
        ("s3://results/incoming/x", "schema-invalid"),
    ],
)
async def test_an_artifact_that_cannot_be_had_is_refused(upstream, uri, code):
    name = upstream.name
    asking = upstream.ask("ModelRegistrationRequested", name, **model(name, uri, SIGNATURE, "onnx"))

    assert await refusal(asking) == code


async def test_an_artifact_of_another_digest_is_refused(upstream):
    name, uri = upstream.name, f"s3://models/incoming/{upstream.name}/m.onnx"
    await upstream.put(uri, linear())
    described = model(name, uri, SIGNATURE, "onnx")
    described["artifact"]["sha256"] = "0" * 64

    assert await refusal(upstream.ask("ModelRegistrationRequested", name, **described)) == "artifact-digest-mismatch"


async def test_an_artifact_of_another_format_is_refused(upstream):
    asking = upstream.register_model(upstream.name, b"certainly no model", SIGNATURE, "onnx")

    assert await refusal(asking) == "artifact-format-mismatch"


async def test_a_deployment_of_a_column_that_is_not_there_is_refused(upstream):
    name, uri = upstream.name, f"s3://datasets/{upstream.name}/sales.parquet"
    await upstream.put_table(uri, pa.Table.from_pandas(sales(10).drop(columns="discount")))
    await upstream.register_dataset(name, uri)
    await upstream.register_model(name, linear(), SIGNATURE, "onnx")

    with pytest.raises(RefusalError) as caught:
        await upstream.deploy(name, name, uri)

    assert caught.value.code == "column-missing"
    assert "discount" in str(caught.value.violations)


async def test_an_input_that_has_become_empty_ends_its_execution(upstream):
    name, where = upstream.name, f"s3://datasets/{upstream.name}/"
    await upstream.put_table(f"{where}a.parquet", pa.Table.from_pandas(sales(10)))
    await upstream.register_dataset(name, where)
    await upstream.register_model(name, linear(), SIGNATURE, "onnx")
    await upstream.deploy(name, name, f"{where}tomorrow/")

    finished = await upstream.execute(name)

    assert (finished["status"], finished["attempt"], finished["error"]["code"]) == ("failed", 1, "input-empty")


async def test_an_input_that_is_half_corrupt_fails_with_a_readable_error_and_leaves_nothing_visible(upstream):
    name, where = upstream.name, f"s3://datasets/{upstream.name}/"
    await upstream.put_table(f"{where}a.parquet", pa.Table.from_pandas(sales(1000)))
    await upstream.register_dataset(name, where)
    await upstream.register_model(name, linear(), SIGNATURE, "onnx")
    await upstream.deploy(name, name, where, retries=0)
    await upstream.put(f"{where}b.parquet", b"PAR1 this was a file once PAR1")

    finished = await upstream.execute(name)

    assert (finished["status"], finished["error"]["code"]) == ("failed", "input-corrupt")
    assert "b.parquet" in finished["error"]["message"]
    assert "output" not in finished


async def test_only_a_scheduler_may_say_that_it_is_one(upstream):
    name, uri = upstream.name, f"s3://datasets/{upstream.name}/sales.parquet"
    await upstream.put_table(uri, pa.Table.from_pandas(sales(10)))
    await upstream.register_dataset(name, uri)
    await upstream.register_model(name, linear(), SIGNATURE, "onnx")
    await upstream.deploy(name, name, uri)
    execution_id = "0e8dd2f4-9f2e-4c6a-8f0b-" + name[2:].ljust(12, "0")[:12]
    asked = {"execution_id": execution_id, "deployment_id": name, "trigger": "schedule"}

    assert await refusal(upstream.ask("ExecutionRequested", execution_id, **asked)) == "trigger-not-allowed"
