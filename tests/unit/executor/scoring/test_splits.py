"""Row groups are grouped into splits without loss, in order, and for all cores."""

from hypothesis import given
from hypothesis import strategies as st

from services.executor.scoring.job import InputObject
from services.executor.scoring.splits import RowGroup, group_row_groups

SOURCE = InputObject(key="x.parquet", etag="e", size_bytes=10)


def groups(rows: list[int]) -> list[RowGroup]:
    return [
        RowGroup(source=SOURCE, footer_start=9, index=index, start=4, end=9, rows=count, first_row=0)
        for index, count in enumerate(rows)
    ]


@given(st.lists(st.integers(1, 200_000), min_size=1, max_size=40), st.integers(1, 8), st.integers(1, 500_000))
def test_every_row_group_is_in_one_split_in_order(rows: list[int], cores: int, most: int) -> None:
    pieces = groups(rows)
    splits = group_row_groups(pieces, rows_per_split=most, cores=cores)
    assert [piece for split in splits for piece in split.pieces] == pieces
    assert [split.index for split in splits] == list(range(len(splits)))
    for split in splits:
        # A split has its share and, at either end, at most half of a row group that reaches beyond it.
        assert len(split.pieces) == 1 or sum(piece.rows for piece in split.pieces) <= most + max(rows)


def test_a_small_input_still_feeds_every_core() -> None:
    assert len(group_row_groups(groups([1_000] * 8), rows_per_split=500_000, cores=2)) == 4


def test_cores_get_as_many_rows_each() -> None:
    splits = group_row_groups(groups([125_000] * 40), rows_per_split=1_000_000, cores=2)
    sizes = [len(split.pieces) for split in splits]
    assert (len(sizes), max(sizes), min(sizes)) == (6, 7, 6)
    assert abs(sum(sizes[::2]) - sum(sizes[1::2])) <= 1
