"""Each type of parquet as each of a signature's: kept to the last bit, or its row rejected, or refused beforehand."""

import io
import math
import re
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from chassis.sandbox.child.conversion import Column
from chassis.sandbox.child.parquet_schema import joined, read_footer
from schemas.columns import converts
from schemas.signature import ColumnType
from tests.models.parquet_files import parquet_of
from tests.models.parquet_types import Broken, Fixed, Moment, Opaque, Source, required, sources
from tests.models.reading import LOST, footer_of, read_parquet

SOURCES = sources()
TARGETS: tuple[ColumnType, ...] = get_args(ColumnType)
REFUSED = "refused"
DOCUMENT = Path("docs/inputs.md")


def expected(value: Any, target: ColumnType) -> Any:  # noqa: PLR0911 - one for each kind
    """By arithmetic without limits: what the value is as `target`."""
    match value, target:
        case None, _:
            return None
        case bool(), "boolean":
            return value
        case ((int() | float() | Decimal()), ("integer" | "long")) if not isinstance(value, bool):
            return _whole(value, 31 if target == "integer" else 63)
        case ((int() | float() | Decimal()), ("float" | "double")) if not isinstance(value, bool):
            return _float(value, np.float32 if target == "float" else np.float64)
        case Broken(), "string":
            return LOST
        case str(), "string":
            return value
        case bytes(), "string" if not isinstance(value, Fixed | Broken):
            return _decoded(value)
        case bytes(), "binary" if not isinstance(value, Broken):
            return bytes(value)
        case Moment(nanoseconds=nanoseconds), "datetime":
            return nanoseconds if -(1 << 63) < nanoseconds < 1 << 63 else LOST
        case _:
            return REFUSED


def _whole(value: float | Decimal, bits: int) -> Any:
    if not math.isfinite(value) or value != int(value) or not -(1 << bits) <= value < 1 << bits:
        return LOST
    return int(value)


def _float(value: float | Decimal, kind: type[Any]) -> Any:
    if isinstance(value, float):
        with np.errstate(over="ignore"):
            narrow = kind(value)
        return LOST if np.isinf(narrow) and not math.isinf(value) else float(narrow)
    with np.errstate(over="ignore"):
        nearest = kind(str(value)) if isinstance(value, Decimal) else kind(value)
    digits = Decimal(str(nearest)) if isinstance(value, Decimal) else int(nearest)
    return float(nearest) if digits == value else LOST


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return LOST


def read(raw: bytes, column: Column) -> tuple[list[Any], list[str]]:
    """Each row's value or `LOST`, and the reasons."""
    found = read_parquet(raw, [column])
    return found[column.name], list(found.reasons.values())


def same(found: Any, wanted: Any) -> bool:
    """Bit by bit: -0.0 isn't 0.0, and not a number is itself."""
    if isinstance(found, float) and isinstance(wanted, float):
        return str(found) == str(wanted)
    return type(found) is type(wanted) and found == wanted


def type_in(raw: bytes) -> str:
    return joined([read_footer(bytes(footer_of(raw)))])[0].type


@pytest.mark.parametrize("source", SOURCES, ids=str)
def test_a_value_is_kept_or_its_row_rejected_or_its_type_refused(source: Source) -> None:
    raw = parquet_of(source.leaf)
    for target in TARGETS:
        wanted = [expected(value, target) for value in source.means]
        found, reasons = read(raw, Column("x", target, required=False))
        fits = converts(type_in(raw), target, text=False)
        if REFUSED in wanted:
            assert not fits or all(isinstance(value, Broken) for value in source.means if value is not None), target
            assert all(value == LOST for value, meant in zip(found, source.means, strict=True) if meant is not None)
            assert all(target in reason for reason in reasons)
        else:
            assert fits or not any(source.means), target
            pairs = list(zip(found, wanted, source.means, strict=True))
            assert [pair for pair in pairs if not same(*pair[:2])] == [], target


@pytest.mark.parametrize("source", SOURCES, ids=str)
def test_where_a_value_is_required_there_is_one(source: Source) -> None:
    for one in (source, required(source)):
        if not one.leaf.values:
            continue
        raw = parquet_of(one.leaf)
        for target in TARGETS:
            wanted = [expected(value, target) for value in one.means]
            if REFUSED in wanted:
                continue
            missing = [each is None or (isinstance(each, float) and not math.isfinite(each)) for each in wanted]
            found, reasons = read(raw, Column("x", target))
            expectation = [LOST if gone else each for each, gone in zip(wanted, missing, strict=True)]
            assert [pair for pair in zip(found, expectation, strict=True) if not same(*pair)] == [], target
            assert all(reasons)


def table() -> dict[str, dict[str, str]]:
    """The documents' table: by row, by the signature's type."""
    lines = [line for line in DOCUMENT.read_text().splitlines() if line.startswith("|")]
    start = next(at for at, line in enumerate(lines) if line.startswith("| parquet |"))
    heads = [re.findall(r"`(\w+)`", cell) for cell in _cells(lines[start])[1:]]
    found = dict[str, dict[str, str]]()
    for line in lines[start + 2 :]:
        row, *cells = _cells(line)
        if len(cells) != len(heads):
            break
        for name in re.findall(r"`(\w+)`", row) or [row]:
            found[name] = {target: cell for head, cell in zip(heads, cells, strict=True) for target in head}
    return found


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_documents_say_what_is_refused() -> None:
    documented = table()
    assert set(documented) == {source.row for source in SOURCES}
    for source in SOURCES:
        fits = {target: converts(type_in(parquet_of(source.leaf)), target, text=False) for target in TARGETS}
        assert {target: cell != "–" for target, cell in documented[source.row].items()} == fits, source


def test_there_is_every_kind_of_outcome() -> None:
    outcomes = [expected(value, target) for source in SOURCES for value in source.means for target in TARGETS]
    assert len(SOURCES) > 120
    assert outcomes.count(LOST) > 500
    assert outcomes.count(REFUSED) > 1_000
    assert any(isinstance(value, Opaque) for source in SOURCES for value in source.means)


def test_the_writer_of_these_files_writes_what_pyarrow_reads() -> None:
    import pyarrow.parquet as pq

    for source in SOURCES:
        table = pq.read_table(io.BytesIO(parquet_of(source.leaf)), coerce_int96_timestamp_unit="us")
        assert table.num_rows == len(source.means)
        if source.row in {"DOUBLE", "DECIMAL", "INT_64", "BOOLEAN", "STRING"} and len(source.means) < 20:
            assert str(table["x"].null_count) == str(source.means.count(None))
