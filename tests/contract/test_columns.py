import pytest

from chassis.sandbox.child import formats
from schemas.columns import converts
from schemas.values import RUNNABLE_FORMATS


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("integer", "double"),
        ("double", "long"),
        ("decimal128(9, 2)", "float"),
        ("uint8", "integer"),
        ("int64", "long"),
        ("string", "string"),
        ("large_string", "string"),
        ("bool", "boolean"),
        ("timestamp[us, tz=UTC]", "datetime"),
        ("date32[day]", "datetime"),
        ("fixed_size_binary[16]", "binary"),
        ("binary", "string"),
        ("large_binary", "string"),
        ("null", "double"),
        ("null", "string"),
    ],
)
def test_types_of_one_family_convert(source, target):
    assert converts(source, target, text=False)


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("string", "double"),
        ("double", "string"),
        ("boolean", "integer"),
        ("integer", "boolean"),
        ("datetime", "long"),
        ("list<item: double>", "double"),
        ("time64[us]", "datetime"),
        ("struct<a: int64>", "string"),
        ("fixed_size_binary[16]", "string"),
        ("string", "binary"),
        ("duration[us]", "long"),
    ],
)
def test_types_of_different_families_do_not(source, target):
    assert not converts(source, target, text=False)


@pytest.mark.parametrize(
    ("source", "target", "fits"),
    [
        ("string", "double", True),
        ("integer", "string", True),
        ("datetime", "string", True),
        ("long", "boolean", True),
        ("double", "boolean", False),
        ("boolean", "double", False),
        ("integer", "datetime", False),
    ],
)
def test_text_is_what_it_can_be_read_as(source, target, fits):
    assert converts(source, target, text=True) is fits


def test_formats_that_can_be_deployed_are_those_that_have_a_scorer():
    assert formats.names() == RUNNABLE_FORMATS
