"""What lies at an address."""

import pytest

from chassis.object_errors import ObjectForbidden, ObjectUnfit
from chassis.object_search import check_names, find, is_data
from chassis.objects import Location
from tests.unit.registry.fakes import FakeObjects

SALES = Location("datasets", "sales")


@pytest.fixture
def objects() -> FakeObjects:
    made = FakeObjects()
    for path in ("sales/b", "sales/a/c", "sales/_SUCCESS", "salesmen/d"):
        made[f"s3://datasets/{path}"] = b"12"
    return made


async def test_a_prefix_is_whole_names_and_needs_no_slash(objects):
    for address in (SALES, Location("datasets", "sales/")):
        found = await find(objects, address, at_most=10)
        assert (list(found.files), found.is_directory, found.is_all, found.size_bytes) == (
            ["_SUCCESS", "a/c", "b"], True, True, 6
        )  # fmt: skip


async def test_an_object_is_itself_though_more_lies_under_its_name(objects):
    objects["s3://datasets/sales"] = b"1"
    found = await find(objects, SALES, at_most=10)
    assert (list(found.files), found.is_directory) == (["sales"], False)
    assert list((await find(objects, SALES / "", at_most=10)).files) == ["_SUCCESS", "a/c", "b"]


async def test_it_stops_at_one_too_many(objects):
    assert (await find(objects, SALES, at_most=3)).is_all
    found = await find(objects, SALES, at_most=1)
    assert (found.is_all, len(found.files), objects.listed) == (False, 2, 5)


async def test_what_is_not_wanted_does_not_count_unless_there_is_far_too_much_of_it(objects):
    assert list((await find(objects, SALES, at_most=2, wanted=is_data)).files) == ["a/c", "b"]
    for number in range(30):
        objects[f"s3://datasets/sales/.crc{number:02}"] = b""
    assert not (await find(objects, SALES, at_most=2, wanted=is_data)).is_all


async def test_nothing_is_found_where_nothing_lies_and_what_is_forbidden_is_told(objects):
    assert not (await find(objects, Location("datasets", "nothing"), at_most=1)).files
    objects.broken["s3://datasets/sales"] = ObjectForbidden("sales")
    with pytest.raises(ObjectForbidden):
        await find(objects, SALES, at_most=1)


async def test_names_are_checked_by_their_segments(objects):
    for name in ("...", "a..b", ".a", "a b", "é", "%2e%2e"):
        objects[f"s3://datasets/sales/{name}"] = b""
    check_names(await find(objects, SALES, at_most=99))
    objects["s3://datasets/sales/a/.."] = b""
    with pytest.raises(ObjectUnfit, match="can't be told to the store"):
        check_names(await find(objects, SALES, at_most=99))
