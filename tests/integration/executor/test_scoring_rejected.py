"""Rows that aren't what the signature wants are set aside with their reason; the others are scored."""

import gzip

import numpy as np
import pyarrow as pa
from sklearn.linear_model import LinearRegression

from schemas.signature import Signature, SignatureField
from services.executor.scoring.warm_driver import WarmDriver
from tests.integration.executor.bench import Bench, features, frame, predicting, score, signature

FIRST = predicting("rows.iloc[:, 0].to_numpy() * 2.0")


async def test_null_and_not_a_number_are_rejected_where_a_value_is_required(bench: Bench, driver: WarmDriver) -> None:
    table = pa.table({"id": [1, 2, 3, 4], "f0": [1.0, None, np.nan, 4.0]})
    model = bench.code(FIRST, signature=signature(names=["f0"]))
    outcome = await score(driver, bench.job(bench.parquet(table), model))
    output = bench.read(outcome)
    assert output.rows.to_pylist() == [{"id": 1, "prediction": 2.0}, {"id": 4, "prediction": 8.0}]
    assert (outcome.rows_in, outcome.rows_out, outcome.rows_rejected) == (4, 2, 2)
    assert output.rejected["id"].to_pylist() == [2, 3]
    assert output.rejected["rejected_row"].to_pylist() == [2, 3]
    assert set(output.rejected["rejected_column"].to_pylist()) == {"f0"}
    assert set(output.rejected["rejected_reason"].to_pylist()) == {"null where a value is required"}
    assert output.manifest["rows_rejected"] == 2


async def test_a_column_of_the_wrong_type_rejects_every_row(bench: Bench, driver: WarmDriver) -> None:
    table = pa.table({"id": [1, 2], "f0": ["1.0", "x"]})
    model = bench.code(FIRST, signature=signature(names=["f0"]))
    outcome = await score(driver, bench.job(bench.parquet(table), model))
    output = bench.read(outcome)
    assert (outcome.rows_out, outcome.rows_rejected, output.manifest["parts"]) == (0, 2, [])
    assert output.rejected["rejected_reason"].to_pylist() == ["a text where a value of type double is required"] * 2


async def test_rejected_rows_of_a_data_only_model_are_numbered_within_their_object(
    bench: Bench, driver: WarmDriver
) -> None:
    from skl2onnx import to_onnx

    table = features(2_500)
    raw = to_onnx(LinearRegression().fit(frame(table), table["id"].to_numpy()), np.zeros((1, 4))).SerializeToString()
    f2 = table["f2"].to_pylist()
    f2[2_000] = None
    broken = table.set_column(table.schema.get_field_index("f2"), "f2", pa.array(f2, pa.float64()))
    output = bench.read(
        await score(driver, bench.job(bench.parquet(broken), bench.model(raw, "m.onnx", format="onnx")))
    )
    assert output.rejected.select(["id", "rejected_row", "rejected_column"]).to_pylist() == [
        {"id": 2_000, "rejected_row": 2_001, "rejected_column": "f2"}
    ]
    assert output.rows.num_rows == 2_499


async def test_half_of_a_csv_may_be_corrupt(bench: Bench, driver: WarmDriver) -> None:
    lines = [b"id,f0,note"]
    for number in range(10_000):
        match number % 4:
            case 0:
                lines.append(b"%d,1.5,fine" % number)
            case 1:
                lines.append(b'%d,2.5,"two\nlines, quoted"' % number)
            case 2:
                lines.append(b"%d,1.5,too,many" % number if number % 8 == 2 else b"%d" % number)
            case _:
                lines.append(b"%d,three,\xff\xfe" % number if number % 8 == 3 else b"%d,three,x" % number)
    uri = bench.new_input(gzip.compress(b"\n".join(lines)), suffix=".csv.gz")
    model = bench.code(FIRST, signature=signature(names=["f0"]))
    outcome = await score(driver, bench.job(uri, model, format="csv"))
    output = bench.read(outcome)
    assert (outcome.rows_in, outcome.rows_out, outcome.rows_rejected) == (10_000, 5_000, 5_000)
    assert output.rows["id"].to_pylist() == [str(number) for number in range(10_000) if number % 4 < 2]
    assert output.rows["note"][1].as_py() == "two\nlines, quoted"
    assert sorted(output.rejected["rejected_row"].to_pylist()) == [n + 1 for n in range(10_000) if n % 4 > 1]
    reasons = output.rejected["rejected_reason"].value_counts().to_pylist()
    assert {row["values"]: row["counts"] for row in reasons} == {
        "4 fields instead of 3": 1250,
        "1 fields instead of 3": 1250,
        "no text in UTF-8 (or in UTF-16, with its mark)": 1250,
        "a text that can't be read as double": 1250,
    }


async def test_a_quote_that_is_never_closed_costs_its_line_alone(bench: Bench, driver: WarmDriver) -> None:
    lines = [b"id;f0", *[b'%d;"1.5' % n if n == 700 else b"%d;1.5" % n for n in range(1_000)]]
    model = bench.code(FIRST, signature=signature(names=["f0"]))
    outcome = await score(driver, bench.job(bench.new_input(b"\n".join(lines), suffix=".csv"), model, format="csv"))
    output = bench.read(outcome)
    assert (outcome.rows_out, outcome.rows_rejected) == (999, 1)
    assert output.rejected.select(["rejected_row", "rejected_line"]).to_pylist() == [
        {"rejected_row": 701, "rejected_line": '700;"1.5'}
    ]


async def test_text_is_read_as_the_signature_says(bench: Bench, driver: WarmDriver) -> None:
    kinds = {"a": "long", "b": "boolean", "c": "datetime", "d": "string"}
    fields = tuple(SignatureField(name=name, type=kind, required=name != "d") for name, kind in kinds.items())
    body = "rows.apply(lambda row: '|'.join(map(str, row)), axis=1).to_numpy()"
    outputs = (SignatureField(name="seen", type="string", required=True),)
    model = bench.code(predicting(body), signature=Signature(inputs=fields, outputs=outputs, params=()))
    csv = (
        b"a,b,c,d\n7,true,2026-03-03,x\n3.0,FALSE,2026-03-03T06:00:00Z,\n3.5,true,2026-03-03,x\n1,maybe,2026-03-03,x\n"
    )
    output = bench.read(await score(driver, bench.job(bench.new_input(csv, suffix=".csv"), model, format="csv")))
    assert output.rows["seen"].to_pylist() == ["7|True|2026-03-03 00:00:00|x", "3|False|2026-03-03 06:00:00|nan"]
    assert output.rejected["rejected_column"].to_pylist() == ["a", "b"]


async def test_an_optional_column_that_is_missing_is_null(bench: Bench, driver: WarmDriver) -> None:
    optional = SignatureField(name="promotion", type="double", required=False)
    inputs = (*signature(names=["f0"]).inputs, optional)
    model = bench.code(
        predicting("rows['promotion'].isna().to_numpy() * 1.0"),
        signature=Signature(inputs=inputs, outputs=(), params=()),
    )
    table = pa.table({"f0": [1.0, 2.0]})
    output = bench.read(await score(driver, bench.job(bench.parquet(table), model)))
    assert output.rows.to_pylist() == [{"prediction": 1.0}, {"prediction": 1.0}]
