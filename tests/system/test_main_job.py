"""An upstream system's whole job through the outer faces: bus, buckets, tables."""

from uuid import uuid4

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
import pytest

from tests.system.models import FEATURES, boosted, call_onnx, in_order, linear, sales, signature

pytestmark = pytest.mark.timeout(240)


async def registered(upstream, *, rows: int) -> tuple[str, str]:
    """A linear model and a data set of the same new name; that, and the address of the data."""
    name, uri = upstream.name, f"s3://datasets/{upstream.name}/sales.parquet"
    await upstream.put_table(uri, pa.Table.from_pandas(sales(rows)))
    await upstream.register_dataset(name, uri)
    await upstream.register_model(name, linear(), signature("double", "float"), "onnx")
    return name, uri


async def test_every_prediction_is_what_the_boosted_model_says_when_called_directly(upstream):
    content, direct = boosted()
    frame = sales(20_000)
    name, where = upstream.name, f"s3://datasets/{upstream.name}/"
    for number in range(3):
        part = pa.Table.from_pandas(frame.iloc[number::3], preserve_index=False)
        await upstream.put_table(f"{where}{number}.parquet", part, row_group_size=3000)
    await upstream.register_dataset(name, where)
    model = await upstream.register_model(name, content, signature("double", "double"), "sklearn")
    await upstream.deploy(name, name, where)

    finished = await upstream.execute(name)

    scored = in_order(await upstream.predictions(finished))
    assert (finished["status"], finished["rows_in"], finished["rows_out"]) == ("succeeded", 20_000, 20_000)
    assert list(scored.columns) == ["row", "store", "prediction"]
    assert (scored["store"] == frame["store"]).all()
    np.testing.assert_array_equal(scored["prediction"], direct.predict(frame[FEATURES]))
    assert model.data["artifact"]["uri"].startswith("s3://models/sha256/")


async def test_every_prediction_is_what_onnx_says_when_called_directly(upstream):
    content = linear()
    frame = sales(5_000)
    name, uri = upstream.name, f"s3://datasets/{upstream.name}/sales.csv"
    buffer = pa.BufferOutputStream()
    pc.write_csv(pa.Table.from_pandas(frame, preserve_index=False), buffer)
    await upstream.put(uri, buffer.getvalue().to_pybytes())
    await upstream.register_dataset(name, uri, "csv")
    await upstream.register_model(name, content, signature("double", "float"), "onnx")
    await upstream.deploy(name, name, uri, "csv", keep=["row"])

    finished = await upstream.execute(name)

    scored = in_order(await upstream.predictions(finished))
    assert list(scored.columns) == ["row", "prediction"]
    np.testing.assert_array_equal(scored["prediction"].to_numpy(np.float32), call_onnx(content, frame))


async def test_rows_that_break_the_signature_are_set_aside_with_their_reason(upstream):
    frame = sales(1_000)
    lines = frame.astype(str)
    lines.loc[17, "price"] = ""
    lines.loc[18, "discount"] = "a lot"
    name, uri = upstream.name, f"s3://datasets/{upstream.name}/sales.csv"
    await upstream.put(uri, lines.to_csv(index=False).encode())
    await upstream.register_dataset(name, uri, "csv")
    await upstream.register_model(name, linear(), signature("double", "float"), "onnx")
    await upstream.deploy(name, name, uri, "csv", keep=["row"])

    finished = await upstream.execute(name)

    assert (finished["status"], finished["rows_out"], finished["rows_rejected"]) == ("succeeded", 998, 2)
    assert not {17, 18} & set(in_order(await upstream.predictions(finished))["row"])


async def test_an_execution_and_its_points_are_in_the_tables_once(upstream):
    name, uri = await registered(upstream, rows=500)
    await upstream.deploy(name, name, uri)

    finished = await upstream.execute(name)

    execution_id = finished["execution_id"]
    (row,) = await upstream.rows("SELECT * FROM executions WHERE execution_id::text = $1", execution_id)
    points = await upstream.rows("SELECT * FROM metrics WHERE execution_id::text = $1", execution_id)
    assert row["status"] == "succeeded"
    assert {"rows_out", "duration_s"} <= {point["metric"] for point in points}
    assert len({(point["event_id"], point["point_no"]) for point in points}) == len(points)


async def test_the_champion_is_resolved_when_the_execution_is_asked_for(upstream):
    name, uri = await registered(upstream, rows=200)
    await upstream.ask("VersionPromotionRequested", name, model_id=name, version=1, alias="champion")
    await upstream.deploy(name, name, uri, alias="champion")

    content, _ = boosted()
    second = await upstream.register_model(name, content, signature("double", "double"), "sklearn")
    before = await upstream.execute(name)
    await upstream.ask("VersionPromotionRequested", name, model_id=name, version=2, alias="champion")
    after = await upstream.execute(name)

    assert second.data["version"] == 2
    assert (before["model_version"], after["model_version"]) == (1, 2)


async def test_the_same_execution_asked_for_twice_runs_once(upstream):
    name, uri = await registered(upstream, rows=200)
    await upstream.deploy(name, name, uri)
    execution_id = str(uuid4())
    asked = {"execution_id": execution_id, "deployment_id": name, "trigger": "manual"}

    first = await upstream.ask("ExecutionRequested", execution_id, **asked)
    second = await upstream.ask("ExecutionRequested", execution_id, **asked)
    await upstream.finished(execution_id)

    ends = [each for each in upstream.bus.facts if each.type == "ExecutionFinished" and each.subject == execution_id]
    assert (first.type, second.type, len(ends)) == ("ExecutionQueued", "ExecutionMatched", 1)
