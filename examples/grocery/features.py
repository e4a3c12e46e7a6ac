"""What is known of a pair before a week begins: its earlier sales, and the promotions planned for the week."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from examples.grocery.data import FloatArray, IntArray
from examples.grocery.panel import Panel

KEYS = ("product_id", "store_id", "week")

Feature = Callable[[Panel, int], NDArray[np.generic]]
"""Of a panel and the column of the week to predict: one value a pair. Sales are read left of the column only."""


def _lag(weeks: int) -> Feature:
    return lambda panel, at: panel.units[:, at - weeks]


def _mean(weeks: int) -> Feature:
    return lambda panel, at: panel.units[:, at - weeks : at].mean(axis=1)


def _product_mean(weeks: int) -> Feature:
    return lambda panel, at: _mean_within(panel.product_id, _mean(weeks)(panel, at))


def _store_mean(weeks: int) -> Feature:
    return lambda panel, at: _mean_within(panel.store_id, _mean(weeks)(panel, at))


def _mean_within(group: IntArray, values: NDArray[np.generic]) -> FloatArray:
    member = np.unique(group, return_inverse=True)[1]
    return (np.bincount(member, weights=values) / np.bincount(member))[member]


def _sold_share(panel: Panel, at: int) -> FloatArray:
    return (panel.units[:, at - 13 : at] > 0).mean(axis=1)


def _last_sale(panel: Panel, at: int) -> IntArray:
    """The column of the last sale; a regular pair has one."""
    return at - 1 - np.argmax(panel.units[:, :at][:, ::-1] > 0, axis=1)


def _last_price(panel: Panel, at: int) -> FloatArray:
    pair, last = np.arange(len(panel.units)), _last_sale(panel, at)
    return panel.paid[pair, last] / panel.units[pair, last]


def _price_ratio(panel: Panel, at: int) -> FloatArray:
    """The last price over the mean price so far; 1 where nothing was ever paid."""
    usual = panel.paid[:, :at].sum(axis=1) / panel.units[:, :at].sum(axis=1)
    return np.divide(_last_price(panel, at), usual, out=np.ones(len(usual)), where=usual > 0)


def _last_discount(panel: Panel, at: int) -> FloatArray:
    """Share of the shelf price taken off at the last sale, 0 to 1."""
    pair, last = np.arange(len(panel.units)), _last_sale(panel, at)
    off, paid = panel.discount[pair, last], panel.paid[pair, last]
    return np.divide(off, off + paid, out=np.zeros(len(off)), where=off + paid > 0)


FEATURES: dict[str, Feature] = {
    "units_1_week_ago": _lag(1),
    "units_2_weeks_ago": _lag(2),
    "units_3_weeks_ago": _lag(3),
    "units_4_weeks_ago": _lag(4),
    "units_mean_4_weeks": _mean(4),
    "units_mean_8_weeks": _mean(8),
    "units_mean_13_weeks": _mean(13),
    "units_mean_26_weeks": _mean(26),
    "sold_share_13_weeks": _sold_share,
    "weeks_since_sale": lambda panel, at: at - _last_sale(panel, at),
    "product_units_1_week": _product_mean(1),
    "product_units_4_weeks": _product_mean(4),
    "store_units_1_week": _store_mean(1),
    "store_units_4_weeks": _store_mean(4),
    "last_price": _last_price,
    "price_ratio": _price_ratio,
    "last_discount": _last_discount,
    "on_display": lambda panel, at: panel.on_display[:, at],
    "in_mailer": lambda panel, at: panel.in_mailer[:, at],
    "was_on_display": lambda panel, at: panel.on_display[:, at - 1],
    "was_in_mailer": lambda panel, at: panel.in_mailer[:, at - 1],
    "private_label": lambda panel, _: panel.private_label,
    "department_code": lambda panel, _: panel.department_code,
}
NAIVE = "units_1_week_ago"


def feature_table(panel: Panel, *, week: int) -> pa.Table:
    """Keys, then every feature as float32, one row a pair."""
    columns: dict[str, NDArray[np.generic]] = {
        "product_id": panel.product_id,
        "store_id": panel.store_id,
        "week": np.full(len(panel.product_id), week),
    }
    columns |= {name: feature(panel, week - 1).astype(np.float32) for name, feature in FEATURES.items()}
    return pa.table(columns)


def true_units(panel: Panel, *, week: int) -> FloatArray:
    return panel.units[:, week - 1]
