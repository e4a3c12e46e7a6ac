"""Which CSV objects are cut, and what a child may say of a range."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.sandbox.child.csv_ranges import ReadRange
from chassis.sandbox.child.packing import pack_whole
from services.executor.scoring.job import InputObject
from services.executor.scoring.likely_ranges import in_likely_ranges, in_whole_objects, is_proven, records_before
from services.executor.scoring.objects import Bucket
from services.executor.scoring.planning import JobPlan, in_ranges
from services.executor.scoring.ranges import Cut, cuts_of
from services.executor.scoring.reading import Answer, until_answered
from services.executor.scoring.splits import CsvObject, Split


def csv_object(size: int, key: str = "x.csv", *, can_be_cut: bool = True) -> CsvObject:
    return CsvObject(InputObject(key=key, etag="e", size_bytes=size), b"a child's word", can_be_cut)


def ranges_of(*sizes: int, cores: int = 2) -> list[list[int]]:
    """The sizes of the ranges of those objects that are cut into ranges of 100 bytes at most."""
    cuts = cuts_of([csv_object(size) for size in sizes], range_bytes=100, cores=cores)
    return [[cut.stop - cut.start for cut in some] for some in cuts]


def test_an_object_is_cut_where_it_is_large_and_more_than_a_cores_share() -> None:
    assert ranges_of(100) == []
    assert ranges_of(101) == [[50, 51]]
    assert ranges_of(1_000, cores=1) == []
    assert ranges_of(150, 150) == []
    assert ranges_of(150, 20) == [[75, 75]]
    assert ranges_of(150, 150, cores=4) == [[75, 75], [75, 75]]


def test_cores_get_as_many_ranges_each() -> None:
    assert ranges_of(201, cores=4) == [[67, 67, 67]]
    assert ranges_of(401, cores=4) == [[50, 50, 50, 50, 50, 50, 50, 51]]


def test_what_can_not_be_cut_is_not() -> None:
    assert cuts_of([csv_object(1_000, can_be_cut=False)], range_bytes=100, cores=2) == []


@given(st.integers(2, 10_000), st.integers(1, 300), st.integers(2, 9))
def test_ranges_are_the_whole_object_and_none_is_empty(size: int, range_bytes: int, cores: int) -> None:
    for cuts in cuts_of([csv_object(size)], range_bytes=range_bytes, cores=cores):
        assert cuts[0].start == 0
        assert [cut.stop for cut in cuts] == [*(cut.start for cut in cuts[1:]), size]
        assert all(cut.start < cut.stop <= cut.start + range_bytes for cut in cuts)
        assert [cut.known for cut in cuts] == [True] + [False] * (len(cuts) - 1)


@pytest.mark.parametrize(
    ("known", "said"),
    [
        (False, (39, 90, 1)),
        (False, (80, 90, 1)),
        (False, (40, 79, 1)),
        (False, (40, 101, 1)),
        (False, (40, 90, 51)),
        (False, (40, 90, -1)),
        (False, (40, 90)),
        (False, (40, 90, 1, 1)),
        (True, (41, 90, 1)),
        (True, ()),
    ],
)
def test_what_can_be_no_range_is_not_believed(known: bool, said: tuple[int, ...]) -> None:
    cut = Cut(csv_object(100), 40, 80, known)
    with pytest.raises(ValueError, match=r"."):
        cut.read(memoryview(pack_whole(said)))


def test_a_range_begins_at_its_cut_or_behind_it() -> None:
    assert Cut(csv_object(100), 40, 80, known=False).read(memoryview(b"")) is None
    said = memoryview(pack_whole((79, 100, 21)))
    assert Cut(csv_object(100), 40, 80, known=False).read(said) == ReadRange(79, 100, 21)
    # One that was assumed wrongly may lie within a record of the range before.
    said = memoryview(pack_whole((90, 90, 0)))
    assert Cut(csv_object(100), 90, 80, known=True).read(said) == ReadRange(90, 90, 0)


@pytest.mark.parametrize("said", [(39,), (80,), (-1,), (40, 50)])
def test_what_can_be_no_beginning_is_not_believed(said: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"."):
        Cut(csv_object(100), 40, 80, known=False).begun(memoryview(pack_whole(said)))


def test_objects_are_shared_where_a_row_seems_to_begin_behind_each_cut() -> None:
    plan = planned(csv_object(250), csv_object(10, "y.csv"), csv_object(20, "z.csv"), csv_object(150, "u.csv"))
    likely = in_likely_ranges(plan, lambda cut: cut.start + 1, range_bytes=100, cores=4)
    assert [[(piece.source.key, piece.part and piece.part.start) for piece in each] for each in pieces_of(likely)] == [
        [("x.csv", 0)],
        [("x.csv", 84)],
        [("x.csv", 167)],
        [("y.csv", None), ("z.csv", None)],
        [("u.csv", 0)],
        [("u.csv", 76)],
    ]
    assert in_likely_ranges(plan, lambda cut: cut.start if cut.start < 100 else None, range_bytes=100, cores=4) is plan
    assert [piece for some in pieces_of(in_whole_objects(likely)) for piece in some] == [
        piece for some in pieces_of(plan) for piece in some
    ]


def test_ranges_are_proven_by_those_before_them_and_numbered_on_from_them() -> None:
    plan = planned(csv_object(250), csv_object(10, "y.csv"), csv_object(150, "u.csv"))
    likely = in_likely_ranges(plan, lambda cut: cut.start, range_bytes=100, cores=4)
    ends = {split.index: True for split in likely.splits}
    assert is_proven(likely, ends)
    assert is_proven(likely, {**ends, 2: False, 3: False, 5: False})  # Nothing of their objects follows.
    assert not any(is_proven(likely, {**ends, split: False}) for split in (0, 1, 4))
    assert records_before(likely, dict.fromkeys(ends, 7)) == {0: 0, 1: 7, 2: 14, 4: 0, 5: 7}


def pieces_of(plan: JobPlan) -> list[list[CsvObject]]:
    return [[piece for piece in split.pieces if isinstance(piece, CsvObject)] for split in plan.splits]


def planned(*pieces: CsvObject) -> JobPlan:
    return JobPlan(tuple(Split(index, (piece,)) for index, piece in enumerate(pieces)), b"", (), None)


def test_rows_are_known_where_all_objects_were_cut() -> None:
    def look(cuts: Sequence[Cut]) -> list[ReadRange | None]:
        return [ReadRange(cut.start, cut.stop, 7) for cut in cuts]

    plan = in_ranges(planned(csv_object(400)), look, range_bytes=100, cores=2)
    assert (len(plan.splits), plan.rows_total) == (4, 28)
    mixed = in_ranges(planned(csv_object(400), csv_object(10, "y.csv")), look, range_bytes=100, cores=2)
    assert (len(mixed.splits), mixed.rows_total) == (5, None)
    unchanged = planned(csv_object(90))
    assert in_ranges(unchanged, look, range_bytes=100, cores=2) is unchanged


def test_each_range_is_looked_at_twice_at_most() -> None:
    asked = list[Cut]()

    def look(cuts: Sequence[Cut]) -> list[ReadRange | None]:
        """All that is assumed is wrong."""
        asked.extend(cuts)
        return [ReadRange(cut.start + (not cut.known), cut.stop + (cut.stop < 400), 1) for cut in cuts]

    shifted = in_ranges(planned(csv_object(400)), look, range_bytes=100, cores=2)
    assert shifted.rows_total == 4
    assert len(asked) == 4

    def never(cuts: Sequence[Cut]) -> list[ReadRange | None]:
        asked.extend(cuts)
        return [ReadRange(cut.start + 5 * (not cut.known), cut.stop, 1) for cut in cuts]

    asked.clear()
    wrong = in_ranges(planned(csv_object(400)), never, range_bytes=100, cores=2)
    assert [piece.part.start for split in wrong.splits for piece in split.pieces if piece.part] == [0, 100, 200, 300]
    assert len(asked) == 4 + 3


class Zeros(Bucket):
    """An object of nothing but zeros."""

    def __init__(self) -> None:
        self.bytes_read = 0

    def get_range(self, source: InputObject, start: int, end: int) -> memoryview:
        return memoryview(bytes(end - start))


@pytest.mark.parametrize("needs", [[(-1, 3)], [(3, 3)], [(90, 101)], [(0, 60), (0, 60)]])
def test_a_child_gets_no_other_bytes_and_not_without_end(needs: list[tuple[int, int]]) -> None:
    answers = iter([*({"need": list(need)} for need in needs), {}])

    def ask(*_: object) -> Answer:
        return next(answers), []

    source = csv_object(100).source
    with pytest.raises(ValueError, match="it asks for bytes"):
        until_answered(ask, ask(), Zeros(), source, at_most=100)
