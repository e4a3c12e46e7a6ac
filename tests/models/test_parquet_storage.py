"""However a file stores its values, they are the same: encodings, codecs, pages, groups, names, writers' options."""

import datetime as dt
import io
import itertools
import random
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.sandbox.child.chunk import ChunkUnreadable, ParquetChunk
from chassis.sandbox.child.conversion import ARROW_TYPES, Column
from chassis.sandbox.child.described import SchemaUnreadable
from chassis.sandbox.child.parquet_schema import joined, read_footer, type_name
from schemas.columns import converts
from tests.models.reading import footer_of, read_parquet
from tests.models.test_parquet_types import TARGETS, expected, same

ROWS = 60
NS = np.arange(ROWS, dtype=np.int64) * 86_399_123_456_789
TABLE = pa.table(
    {
        "boolean": pa.array([number % 3 == 0 if number % 7 else None for number in range(ROWS)]),
        "integer": pa.array([number * 7 - 90 if number % 5 else None for number in range(ROWS)], pa.int32()),
        "long": pa.array([number << 50 for number in range(ROWS)], pa.int64()),
        "float": pa.array(np.linspace(-1, 1, ROWS), pa.float32()),
        "double": pa.array([number / 7 if number % 11 else None for number in range(ROWS)]),
        "string": pa.array([f"Zürich {number % 4}" * (number % 3) for number in range(ROWS)]),
        "binary": pa.array([bytes([number]) * (number % 4) for number in range(ROWS)]),
        "datetime": pa.array(NS // 1_000_000 * 1_000_000, pa.timestamp("ns")),
    }
)
OPTIONS: Mapping[str, tuple[Any, ...]] = {
    "compression": ("none", "snappy", "gzip", "brotli", "lz4", "zstd"),
    "data_page_version": ("1.0", "2.0"),
    "use_dictionary": (True, False),
    "version": ("1.0", "2.4", "2.6"),
    "store_schema": (True, False),
    "use_deprecated_int96_timestamps": (True, False),
    "row_group_size": (7, ROWS),
    "data_page_size": (16, 1 << 20),
    "write_page_checksum": (True, False),
    "flavor": (None, "spark"),
}
EVERYTHING = list(itertools.product(*OPTIONS.values()))


def written(table: pa.Table, **options: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


def check(table: pa.Table, raw: bytes) -> None:
    found = read_parquet(raw, [Column(name, name, required=False) for name in table.column_names])
    assert found.reasons == {}
    for name in table.column_names:
        values = table[name].cast(ARROW_TYPES[name])
        assert found[name] == (values.cast("int64") if name == "datetime" else values).to_pylist(), name


@pytest.mark.parametrize("number", range(40))
def test_a_value_is_the_same_however_it_is_stored(number: int) -> None:
    chosen = random.Random(number).choice(EVERYTHING)  # noqa: S311
    check(TABLE, written(TABLE, **dict(zip(OPTIONS, chosen, strict=True))))


@pytest.mark.long
@pytest.mark.parametrize("compression", OPTIONS["compression"])
def test_a_value_is_the_same_with_all_options_of_a_writer(compression: str) -> None:
    for chosen in EVERYTHING[:: 3 if compression == "none" else 7]:
        check(TABLE, written(TABLE, **{**dict(zip(OPTIONS, chosen, strict=True)), "compression": compression}))


@pytest.mark.parametrize("page", ["1.0", "2.0"])
@pytest.mark.parametrize(
    ("name", "encoding"),
    [
        ("boolean", "PLAIN"),
        ("boolean", "RLE"),
        *[(name, "PLAIN") for name in ("integer", "long", "float", "double", "string", "binary", "datetime")],
        *[(name, "DELTA_BINARY_PACKED") for name in ("integer", "long", "datetime")],
        *[(name, "BYTE_STREAM_SPLIT") for name in ("integer", "long", "float", "double")],
        *[(name, kind) for name in ("string", "binary") for kind in ("DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY")],
    ],
)
def test_a_value_is_the_same_in_every_encoding(name: str, encoding: str, page: str) -> None:
    table = TABLE.select([name])
    raw = written(table, use_dictionary=False, column_encoding={name: encoding}, data_page_version=page)
    assert encoding in pq.ParquetFile(io.BytesIO(raw)).metadata.row_group(0).column(0).encodings
    check(table, raw)


@pytest.mark.parametrize(
    ("kind", "type_", "values"),
    [
        ("string", pa.large_string(), ["é", None, ""]),
        ("string", pa.string_view(), ["a string that is long enough to be none of the short ones", None, ""]),
        ("string", pa.dictionary(pa.int8(), pa.string()), ["a", None, "a"]),
        ("string", pa.dictionary(pa.int32(), pa.large_string()), ["a", None, "b"]),
        ("binary", pa.large_binary(), [b"\xff", None]),
        ("binary", pa.binary_view(), [b"\xff", None]),
        ("binary", pa.dictionary(pa.int8(), pa.binary()), [b"\xff", None]),
        ("long", pa.dictionary(pa.int8(), pa.int64()), [1 << 62, None]),
        ("double", pa.dictionary(pa.int8(), pa.float64()), [0.1, None]),
        ("boolean", pa.dictionary(pa.int8(), pa.bool_()), [True, None]),
        ("double", pa.decimal32(5, 2), [Decimal("1.15"), None]),
        ("double", pa.decimal64(12, 2), [Decimal("8.95"), None]),
        ("double", pa.decimal256(60, 2), [Decimal("0.30"), None]),
    ],
)
@pytest.mark.parametrize("store_schema", [True, False])
def test_arrows_own_types_are_what_they_hold(
    kind: str, type_: pa.DataType, values: list[Any], store_schema: bool
) -> None:
    raw = written(pa.table({"x": pa.array(values, type_)}), store_schema=store_schema)
    found = read_parquet(raw, [Column("x", kind, required=False)])
    assert found.reasons == {}
    assert found["x"] == [float(value) if isinstance(value, Decimal) else value for value in values]
    assert converts(joined([read_footer(bytes(footer_of(raw)))])[0].type, kind, text=False)


@pytest.mark.parametrize(
    "type_",
    [
        pa.list_(pa.int64()),
        pa.large_list(pa.string()),
        pa.list_(pa.float64(), 2),
        pa.list_view(pa.int32()),
        pa.struct([("x", pa.float64())]),
        pa.map_(pa.string(), pa.int64()),
        pa.time32("ms"),
        pa.time64("ns"),
        pa.duration("us"),
    ],
    ids=str,
)
def test_what_no_signature_has_a_type_for_is_refused_by_its_name(type_: pa.DataType) -> None:
    values = [[1.5, 2.5]] if pa.types.is_fixed_size_list(type_) else pa.array([None], type_)
    raw = written(pa.table({"x": pa.array(values, type_) if isinstance(values, list) else values}))
    [described] = joined([read_footer(bytes(footer_of(raw)))])
    assert described.type == type_name(pq.read_schema(io.BytesIO(raw)).field("x").type)
    assert [target for target in TARGETS if converts(described.type, target, text=False)] == []


NAMES = [
    "A.B",
    "a.b",
    "a",
    "数量",
    "prix d’été (€)",
    "`tick`",
    'q"uote',
    "tab\there",
    "x" * 500,
    "b.list.element",
    "b",
    " ",
]


@pytest.mark.parametrize("order", range(4))
def test_a_column_is_found_by_its_very_name(order: int) -> None:
    columns: dict[str, Any] = {name: np.arange(5) + 10.0 * place for place, name in enumerate(NAMES)}
    columns |= {"a": [{"b": 1.0}] * 5, "b": [[1.0]] * 5}
    wanted = [name for name in NAMES if name not in {"a", "b"}]
    random.Random(order).shuffle(wanted)  # noqa: S311
    found = read_parquet(written(pa.table(columns)), [Column(name, "double") for name in wanted])
    assert {name: found[name] for name in wanted} == {name: columns[name].tolist() for name in wanted}


def test_a_column_that_is_there_twice_is_told_by_its_name() -> None:
    raw = written(pa.table([[1.0], [2.0], [3.0]], names=["x", "y", "x"]))
    with pytest.raises(SchemaUnreadable, match="the column x more than once"):
        read_footer(bytes(footer_of(raw)))
    with pytest.raises(ChunkUnreadable, match="the column x is there more than once"):
        read_parquet(raw, [Column("x", "double")])
    assert read_parquet(raw, [Column("y", "double")])["y"] == [2.0]


def test_groups_without_rows_and_columns_with_numbers_change_nothing() -> None:
    fields = [
        pa.field(field.name, field.type, metadata={"PARQUET:field_id": str(at + 7)})
        for at, field in enumerate(TABLE.schema)
    ]
    table, sink = TABLE.cast(pa.schema(fields)), io.BytesIO()
    with pq.ParquetWriter(sink, table.schema) as writer:
        for part in (table.slice(0, 0), table.slice(0, 1), table.slice(0, 0), table.slice(1)):
            writer.write_table(part)
    assert pq.ParquetFile(io.BytesIO(sink.getvalue())).num_row_groups == 4
    check(TABLE, sink.getvalue())


def test_a_column_that_a_file_lacks_is_null_in_its_rows() -> None:
    raw = written(TABLE)
    found = read_parquet(raw, [Column("integer", "integer", required=False), Column("new", "double", required=False)])
    assert found["new"] == [None] * ROWS
    assert read_parquet(raw, [Column("new", "double")]).reasons == dict.fromkeys(
        range(ROWS), "null where a value is required"
    )


@pytest.mark.parametrize("unit", ["ms", "us"])
@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Paris", "+05:30"])
def test_a_time_is_its_moment_whatever_its_zone_and_unit(unit: str, zone: str | None) -> None:
    moments = [(2024, 3, 31, 0, 59, 59, 123000), (1969, 12, 31), (9999, 12, 31)]
    epoch = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    utc = [(dt.datetime(*each, tzinfo=dt.UTC) - epoch) // dt.timedelta(microseconds=1) for each in moments]
    table = pa.table({"t": pa.array(utc, pa.timestamp("us")).cast(pa.timestamp(unit, zone))})
    for options in ({}, {"use_deprecated_int96_timestamps": True}, {"store_schema": False}, {"version": "1.0"}):
        found = read_parquet(written(table, **options), [Column("t", "datetime")])
        assert found["t"][:2] == [each * 1_000 for each in utc[:2]]
        assert found.reasons == {
            2: "a time outside of the years 1677 to 2262, which a datetime of nanoseconds can't hold"
        }


DECIMALS = st.integers(1, 60).flatmap(
    lambda precision: st.tuples(
        st.just(precision), st.integers(0, precision), st.lists(st.integers(1 - 10**precision, 10**precision - 1))
    )
)


@settings(max_examples=150, deadline=None)
@given(DECIMALS, st.sampled_from(["integer", "long", "float", "double"]))
def test_decimals_are_the_same_number_or_their_rows_are_rejected(made: tuple[int, int, list[int]], kind: str) -> None:
    precision, scale, unscaled = made
    values = [Decimal((int(each < 0), tuple(map(int, str(abs(each)))), -scale)) for each in unscaled]
    type_ = pa.decimal128(precision, scale) if precision <= 38 else pa.decimal256(precision, scale)
    found = read_parquet(written(pa.table({"x": pa.array(values, type_)})), [Column("x", kind)])["x"]
    pairs = zip(found, (expected(value, kind) for value in values), values, strict=True)
    assert [pair for pair in pairs if not same(*pair[:2])] == []


NUMBERS = st.one_of(
    st.tuples(st.just(pa.int64()), st.lists(st.integers(-(2**63), 2**63 - 1))),
    st.tuples(st.just(pa.uint64()), st.lists(st.integers(0, 2**64 - 1))),
    st.tuples(st.just(pa.int32()), st.lists(st.integers(-(2**31), 2**31 - 1))),
    st.tuples(st.just(pa.float64()), st.lists(st.floats())),
    st.tuples(st.just(pa.float32()), st.lists(st.floats(width=32))),
    st.tuples(st.just(pa.float16()), st.lists(st.floats(width=16))),
)


@settings(max_examples=200, deadline=None)
@given(NUMBERS, st.sampled_from(["integer", "long", "float", "double"]))
def test_numbers_are_the_same_number_or_their_rows_are_rejected(made: tuple[pa.DataType, list[Any]], kind: str) -> None:
    type_, values = made
    found = read_parquet(written(pa.table({"x": pa.array(values, type_)})), [Column("x", kind, required=False)])["x"]
    pairs = zip(found, (expected(value, kind) for value in values), values, strict=True)
    assert [pair for pair in pairs if not same(*pair[:2])] == []


@pytest.mark.parametrize("type_", [pa.string(), pa.binary(), pa.dictionary(pa.int32(), pa.string())], ids=str)
def test_values_that_a_file_means_many_times_come_in_pieces_that_memory_holds(type_: pa.DataType) -> None:
    rows, long = 3_000, "x" * 100_000
    values = [(long, None, "y")[row % 3] for row in range(rows)]
    raw = written(pa.table({"x": pa.array(values, pa.string()).cast(type_), "id": range(rows)}))
    assert len(raw) < 200_000
    batches = list(ParquetChunk(footer_of(raw), 0, 0, memoryview(raw)).batches(["x", "id"]))
    assert sum(batch.num_rows for batch in batches) == rows
    assert max(batch.nbytes for batch in batches) < 70 << 20
    assert [value for batch in batches for value in batch.column("id").to_pylist()] == list(range(rows))
    found = [value for batch in batches for value in batch.column("x").to_pylist()]
    assert found == [value.encode() if value and type_ == pa.binary() else value for value in values]


def test_rows_that_memory_does_not_hold_are_told() -> None:
    raw = written(TABLE)

    class Full(ParquetChunk):
        def _source(self) -> pa.PythonFile:
            raise pa.ArrowMemoryError("malloc of size 4294967360 failed")

    with pytest.raises(ChunkUnreadable, match="write smaller row groups"):
        list(Full(footer_of(raw), 0, 0, memoryview(raw)).batches(["x"]))
