"""Fixed layouts: what was packed comes back, and nothing else is taken for it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.sandbox.child.bins import Bins, Counting, Counts, counts_of, pack_bins, unpack_bins
from chassis.sandbox.child.packing import (
    pack_real,
    pack_texts,
    pack_whole,
    real_numbers,
    texts_of,
    whole_numbers,
)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]))))
def test_texts_come_back(texts):
    assert texts_of(memoryview(pack_texts(texts)), at_most=len(texts)) == texts


@given(st.binary(max_size=200))
def test_any_bytes_are_texts_or_a_value_error(raw):
    try:
        found = texts_of(memoryview(raw), at_most=5)
    except ValueError:
        return
    assert len(found) <= 5


@given(st.lists(st.integers(0, 2**63 - 1)))
def test_whole_numbers_come_back(numbers):
    assert whole_numbers(memoryview(pack_whole(numbers))) == numbers


@given(st.lists(st.floats(allow_nan=False)))
def test_real_numbers_come_back(numbers):
    assert real_numbers(memoryview(pack_real(numbers))) == numbers


def test_a_negative_count_is_none():
    with pytest.raises(ValueError, match="below 0"):
        whole_numbers(memoryview(pack_whole([-1])))


BINS = (Bins("a", "number", (0.0, 1.0)), Bins("b", "category", categories=("x", "y")), Bins("c", "text"))


def test_bins_come_back():
    pieces = [memoryview(piece) for piece in pack_bins(BINS)]
    assert unpack_bins(pieces, columns=3, edges=2, categories=2) == BINS
    with pytest.raises(ValueError, match="its bins are none"):
        unpack_bins(pieces, columns=3, edges=1, categories=2)


@given(st.tuples(st.binary(max_size=60), st.binary(max_size=60), st.binary(max_size=60)))
def test_any_bytes_are_bins_or_a_value_error(raw):
    try:
        unpack_bins([memoryview(each) for each in raw], columns=3, edges=2, categories=2)
    except ValueError:
        return


def test_counts_come_back_and_add_up_or_are_none():
    counted = Counts(Counting(BINS), 4, [[1, 2, 1, 0], [2, 1, 0, 1], [3, 1]], {"c": [1, 2**64 - 1]})
    packed = [memoryview(piece) for piece in counted.packed()]

    assert counts_of(Counting(BINS), *packed, rows=4) == counted
    with pytest.raises(ValueError, match="counted 4 of 3 rows"):
        counts_of(Counting(BINS), *packed, rows=3)
    with pytest.raises(ValueError, match="don't add up"):
        counts_of(Counting(BINS[1:]), *packed, rows=4)


@given(st.binary(max_size=120), st.binary(max_size=60))
def test_any_bytes_are_counts_or_a_value_error(counted, hashed):
    try:
        counts_of(Counting(BINS), memoryview(counted), memoryview(hashed), rows=10)
    except ValueError:
        return
