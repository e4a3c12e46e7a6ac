import numpy as np
import pytest

from examples.grocery.data import Products, Promotions, Sales
from examples.grocery.features import FEATURES, NAIVE, feature_table, true_units
from examples.grocery.panel import WEEKS, Panel, build_panel, regular_pairs

APPLE, SOAP = 10, 20
WEEK = 40


def sales(*lines: tuple[int, int, int, float]) -> Sales:
    """Of (product, store, week, units), each unit at 2.00 after 0.50 off."""
    product_id, store_id, week, units = (np.array(column) for column in zip(*lines, strict=True))
    return Sales(
        product_id=product_id,
        store_id=store_id,
        week=week,
        units=units.astype(float),
        paid=units * 2.0,
        discount=units * 0.5,
    )


NO_PROMOTIONS = Promotions(*(np.array([], dtype=int),) * 3, *(np.array([], dtype=bool),) * 2)
PRODUCTS = Products(
    product_id=np.array([APPLE, SOAP]),
    department=np.array(["PRODUCE", "DRUG GM"]),
    private_label=np.array([True, False]),
)


def panel_of(lines: Sales, promotions: Promotions = NO_PROMOTIONS) -> Panel:
    return build_panel(regular_pairs(lines), products=PRODUCTS, sales=lines, promotions=promotions)


def weekly(product: int, store: int, weeks: range) -> list[tuple[int, int, int, float]]:
    return [(product, store, week, 1.0 + week % 3) for week in weeks]


def test_a_pair_is_regular_when_it_sold_in_four_of_the_known_weeks() -> None:
    lines = sales(
        *weekly(APPLE, 1, range(1, 5)),
        *weekly(SOAP, 1, range(40, 54)),  # three known weeks only: 40, 41, 42
        *weekly(SOAP, 2, range(39, 43)),
        *[(APPLE, 2, 7, 1.0)] * 9,  # often, but in one week
    )

    assert panel_of(lines).product_id.tolist() == [APPLE, SOAP]
    assert panel_of(lines).store_id.tolist() == [1, 2]


def test_weeks_without_a_sale_are_zero_and_sales_of_a_week_are_summed() -> None:
    lines = sales(*weekly(APPLE, 1, range(1, 5)), (APPLE, 1, 9, 2.0), (APPLE, 1, 9, 3.0))

    units = panel_of(lines).units

    assert units.shape == (1, WEEKS)
    assert units[0, 8] == 5
    assert units[0, 9:].sum() == 0


@pytest.mark.parametrize("week", [31, WEEK, WEEKS])
def test_no_feature_changes_with_what_is_sold_in_the_week_or_later(week: int) -> None:
    known = [*weekly(APPLE, 1, range(1, week)), *weekly(SOAP, 2, range(20, week))]
    later = [*weekly(APPLE, 1, range(week, WEEKS + 1)), (SOAP, 2, week, 99.0)]
    before, after = panel_of(sales(*known)), panel_of(sales(*known, *later))

    assert feature_table(before, week=week).equals(feature_table(after, week=week))
    assert true_units(after, week=week)[1] == 99


def test_a_promotion_of_the_week_is_known_beforehand() -> None:
    promotions = Promotions(
        *(np.array([value]) for value in (APPLE, 1, WEEK)), on_display=np.array([True]), in_mailer=np.array([False])
    )
    panel = panel_of(sales(*weekly(APPLE, 1, range(1, 20))), promotions)

    row = feature_table(panel, week=WEEK).to_pylist()[0]

    assert (row["on_display"], row["in_mailer"], row["was_on_display"]) == (1, 0, 0)
    assert feature_table(panel, week=WEEK + 1).to_pylist()[0]["was_on_display"] == 1


def test_features_say_what_their_names_say() -> None:
    panel = panel_of(sales(*weekly(APPLE, 1, range(1, 5)), (APPLE, 1, WEEK - 2, 8.0), *weekly(SOAP, 1, range(1, 5))))

    row = feature_table(panel, week=WEEK).to_pylist()[0]

    assert row[NAIVE] == 0
    assert row["units_2_weeks_ago"] == 8
    assert row["units_mean_4_weeks"] == 2
    assert row["product_units_4_weeks"] == 2
    assert row["store_units_4_weeks"] == 1
    assert row["weeks_since_sale"] == 2
    assert row["last_price"] == 2
    assert row["price_ratio"] == 1
    assert row["last_discount"] == pytest.approx(0.2)
    assert row["private_label"] == 1


def test_every_feature_is_a_finite_float_even_where_nothing_was_paid() -> None:
    lines = sales(*weekly(APPLE, 1, range(1, 5)))
    free = Sales(**{**vars(lines), "paid": lines.paid * 0, "discount": lines.discount * 0})

    table = feature_table(panel_of(free), week=WEEK)

    assert table.column_names == ["product_id", "store_id", "week", *FEATURES]
    assert all(str(table.schema.field(name).type) == "float" for name in FEATURES)
    assert all(np.isfinite(table[name].to_numpy()).all() for name in FEATURES)
