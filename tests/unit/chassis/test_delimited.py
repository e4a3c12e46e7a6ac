import pyarrow as pa
import pytest

from chassis.delimited import BOM, Header, HeaderUnreadable, beginning, read_header


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


@pytest.mark.parametrize("codec", ["gzip", "bz2", "zstd", "lz4"])
def test_a_packed_beginning_is_unpacked_as_far_as_is_allowed(codec):
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, codec) as stream:
        stream.write(b"price;qty\n" * 1000)
    packed = sink.getvalue().to_pybytes()

    assert beginning(packed, 15) == b"price;qty\nprice"
    assert beginning(b"price", 15) == b"price"
    with pytest.raises(HeaderUnreadable, match=codec):
        beginning(packed[:4] + b"nothing at all, really", 15)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_a_beginning_in_utf_16_is_given_in_utf_8(encoding):
    whole = "\ufeffpreis;menge\nZürich".encode(encoding)

    assert read_header(beginning(whole[:-1], 100)) == Header(";", ("preis", "menge"))
