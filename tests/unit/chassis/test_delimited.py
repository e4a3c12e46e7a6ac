import gzip

import pytest

from chassis.delimited import BOM, Header, HeaderUnreadable, read_header, unpacked


@pytest.mark.parametrize(
    ("text", "delimiter", "names"),
    [
        (b"price;qty;id\n1,5;2;3\n", ";", ("price", "qty", "id")),
        (b"price,qty\r\n1;2,3\r\n", ",", ("price", "qty")),
        (b"price\tqty", "\t", ("price", "qty")),
        (b'"price|net"|qty\n', "|", ("price|net", "qty")),
        (BOM + b"price\n", ",", ("price",)),
        (b"", ",", ()),
    ],
)
def test_the_delimiter_is_the_one_that_makes_the_most_columns(text, delimiter, names):
    assert read_header(text) == Header(delimiter, names)


def test_known_names_outweigh_the_number_of_columns():
    assert read_header(b"price, net, EUR;qty\n", ["qty"]) == Header(";", ("price, net, EUR", "qty"))


def test_a_header_that_is_no_text_is_told():
    with pytest.raises(HeaderUnreadable, match="not UTF-8"):
        read_header(b"\xff\xfe\n")


def test_a_gzipped_beginning_is_unpacked_as_far_as_is_allowed():
    packed = gzip.compress(b"price;qty\n" * 1000)
    assert unpacked(packed, 15) == b"price;qty\nprice"
    assert unpacked(b"price", 15) == b"price"
    with pytest.raises(HeaderUnreadable, match="gzip"):
        unpacked(b"\x1f\x8bnothing", 15)
