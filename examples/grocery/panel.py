"""Transactions as matrices: a row a product × store pair, a column a week, weeks without a sale filled with zero."""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from examples.grocery.data import FloatArray, IntArray, Products, Promotions, Sales

WEEKS = 53
LAST_KNOWN_WEEK = 42
MIN_WEEKS_SOLD = 4
_STORES = 100_000  # above every store_id, so that product and store fit in one integer
_WEEKS = 64


@dataclass(frozen=True)
class Panel:
    """Pairs sorted by product, then store; the matrices have shape (pairs, WEEKS)."""

    product_id: IntArray
    store_id: IntArray
    department_code: IntArray
    private_label: NDArray[np.bool_]
    units: FloatArray
    paid: FloatArray
    discount: FloatArray
    on_display: NDArray[np.bool_]
    in_mailer: NDArray[np.bool_]

    def select(self, rows: NDArray[np.bool_]) -> "Panel":
        return Panel(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})


def regular_pairs(sales: Sales, *, until_week: int = LAST_KNOWN_WEEK) -> IntArray:
    """Keys of the pairs that sold in at least `MIN_WEEKS_SOLD` of the weeks 1 to `until_week`, ascending."""
    known = sales.week <= until_week
    cells = np.unique(_keys(sales)[known] * _WEEKS + sales.week[known])
    keys, weeks_sold = np.unique(cells // _WEEKS, return_counts=True)
    return keys[weeks_sold >= MIN_WEEKS_SOLD]


def product_ids(pairs: IntArray) -> IntArray:
    return np.unique(pairs // _STORES)


def build_panel(pairs: IntArray, *, products: Products, sales: Sales, promotions: Promotions) -> Panel:
    product_id = pairs // _STORES
    at = np.searchsorted(products.product_id, product_id)
    return Panel(
        product_id=product_id,
        store_id=pairs % _STORES,
        department_code=np.unique(products.department, return_inverse=True)[1][at],
        private_label=products.private_label[at],
        units=_matrix(pairs, sales, sales.units),
        paid=_matrix(pairs, sales, sales.paid),
        discount=_matrix(pairs, sales, sales.discount),
        on_display=_matrix(pairs, promotions, promotions.on_display) > 0,
        in_mailer=_matrix(pairs, promotions, promotions.in_mailer) > 0,
    )


def departments(products: Products) -> list[str]:
    """Names in the order of `Panel.department_code`."""
    return np.unique(products.department).tolist()


def _matrix(pairs: IntArray, rows: Sales | Promotions, values: FloatArray | NDArray[np.bool_]) -> FloatArray:
    """Sums of `values` by pair and week; rows of other pairs are left out."""
    keys = _keys(rows)
    pair = np.minimum(np.searchsorted(pairs, keys), len(pairs) - 1)
    ours = pairs[pair] == keys
    cell = pair[ours] * WEEKS + rows.week[ours] - 1
    sums = np.bincount(cell, weights=values[ours], minlength=len(pairs) * WEEKS)
    return sums.astype(np.float64).reshape(len(pairs), WEEKS)


def _keys(rows: Sales | Promotions) -> IntArray:
    return rows.product_id * _STORES + rows.store_id
