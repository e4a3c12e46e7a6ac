"""The first rows of inputs of every kind, and how little is read for them."""

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from chassis.sandbox.settings import SandboxSettings
from services.executor.preview import app
from services.executor.scoring.errors import ScoringError
from services.executor.scoring.job import InputObject
from services.executor.scoring.listing import InputFormat
from services.executor.scoring.objects import Bucket
from services.executor.scoring.preview import Preview, preview
from tests.integration.executor.bench import Bench, features, parquet_bytes


@pytest.fixture
def bytes_read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many bytes each read fetches."""
    counts: list[int] = []
    fetched = Bucket.get_range

    def get_range(bucket: Bucket, source: InputObject, start: int, end: int) -> memoryview:
        counts.append(end - start)
        return fetched(bucket, source, start, end)

    monkeypatch.setattr(Bucket, "get_range", get_range)
    return counts


def shown(table: pa.Table) -> Preview:
    cells = (tuple(str(cell) for cell in row.values()) for row in table.to_pylist())
    return Preview(tuple((field.name, str(field.type)) for field in table.schema), tuple(cells))


def test_a_parquet_files_first_rows_cost_a_part_of_it(bench: Bench, bytes_read: list[int]) -> None:
    table = features(400_000)
    uri = bench.parquet(table, row_group_size=400_000)

    found = preview(bench.s3, SandboxSettings(), uri, "parquet", rows=5)

    assert found == shown(table.slice(0, 5))
    assert sum(bytes_read) < table.nbytes / 2


def test_rows_come_from_as_many_files_as_it_takes(bench: Bench) -> None:
    tables = [features(3), features(0), features(4, seed=1)]

    found = preview(bench.s3, SandboxSettings(), bench.parquet(*tables), "parquet", rows=5)

    assert found == shown(pa.concat_tables(tables).slice(0, 5))


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_csv_is_shown_as_text(bench: Bench, pack) -> None:
    uri = bench.new_input(pack(b"id;name\n1;a\n2;b;c\n3;c\n"), suffix=".csv")

    found = preview(bench.s3, SandboxSettings(), uri, "csv", rows=10)

    assert found == Preview((("id", "string"), ("name", "string")), (("1", "a"), ("3", "c")))


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_what_folders_say_is_shown_where_it_counts(bench: Bench, form: InputFormat) -> None:
    table = pa.table({"month": [9, 9], "name": ["a", "b"]})
    raw, kind = (parquet_bytes(table), "int64") if form == "parquet" else (b"month,name\n9,a\n9,b\n", "string")
    uri = bench.new_input()
    for place in ("region=EU/month=1/x", "region=%C3%A9/month=/x"):
        bench.datasets.put(f"{uri.removeprefix('s3://datasets/')}{place}.{form}", raw)

    found = preview(bench.s3, SandboxSettings(), uri, form)

    assert found.columns == (("month", kind), ("name", "string"), ("region", "string"))
    assert found.rows == ((None, "a", "é"), (None, "b", "é"), ("1", "a", "EU"), ("1", "b", "EU"))


def test_a_folder_that_says_no_value_of_the_files_type_is_told(bench: Bench) -> None:
    uri = bench.new_input()
    raw = parquet_bytes(pa.table({"month": [9]}))
    bench.datasets.put(f"{uri.removeprefix('s3://datasets/')}month=May/x.parquet", raw)

    with pytest.raises(ScoringError, match="its folder says no value of the type int64") as caught:
        preview(bench.s3, SandboxSettings(), uri, "parquet")

    assert caught.value.code == "input-unfit"


def test_what_is_no_parquet_is_told(bench: Bench) -> None:
    with pytest.raises(ScoringError, match="no readable parquet file"):
        preview(bench.s3, SandboxSettings(), bench.new_input(b"text" * 100), "parquet")


def test_the_command_prints_a_table(bench: Bench, tmp_path: Path) -> None:
    s3 = bench.s3
    section = {"endpoint": s3.endpoint, "access_key": s3.access_key.get_secret_value()}
    (tmp_path / "stack.json").write_text(
        json.dumps({"s3": {**section, "secret_key": s3.secret_key.get_secret_value()}})
    )
    uri = bench.new_input(b"id,name\n7,Annecy\n", suffix=".csv")

    told = CliRunner().invoke(app, [uri, "--format", "csv", "--stack", str(tmp_path / "stack.json")])
    missing = CliRunner().invoke(app, ["s3://datasets/nothing/", "--stack", str(tmp_path / "stack.json")])

    assert told.exit_code == 0
    assert "Annecy" in told.output
    assert (missing.exit_code, "holds nothing to score" in missing.output) == (1, True)
