import pyarrow as pa
import pytest

from chassis.sandbox.child.csv_dialect import (
    BOM,
    Header,
    HeaderUnreadable,
    beginning,
    can_be_cut,
    charset_of,
    encoding_of,
    read_header,
)


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


@pytest.mark.parametrize(
    ("content_type", "charset"),
    [
        (None, "utf-8"),
        ("text/csv", "utf-8"),
        ("application/octet-stream", "utf-8"),
        ("text/csv; charset=UTF-8", "utf-8"),
        ("text/csv; charset=us-ascii", "utf-8"),
        ('text/csv; header=present; charset="ISO-8859-15"', "iso8859-15"),
        ("text/csv;charset=windows-1252", "cp1252"),
        ("text/csv; charset=utf-16le", "utf-16-le"),
        ("text/csv; charset=utf-16", "utf-16-le"),
        ("text/csv; charset=UTF-32BE", "utf-32-be"),
        ("text/csv; charset=", "utf-8"),
    ],
)
def test_the_charset_is_the_content_types(content_type, charset):
    assert charset_of(content_type) == charset


@pytest.mark.parametrize("name", ["klingon", "zlib", "rot13", "utf-7", "idna", "undefined", "cp037", "unicode_escape"])
def test_a_charset_that_is_no_text_or_not_laid_out_like_ascii_is_refused(name):
    with pytest.raises(HeaderUnreadable, match=name):
        charset_of(f"text/csv; charset={name}")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_a_mark_counts_for_more_than_a_content_type(encoding):
    assert encoding_of("\ufeffa".encode(encoding), "cp1252") == encoding


def test_a_beginning_in_another_charset_is_given_in_utf_8():
    assert beginning("région;prix €\n".encode("cp1252"), 100, "cp1252") == "région;prix €\n".encode()


@pytest.mark.parametrize(
    ("text", "header"),
    [
        (b"sep=;\r\nid,no;x\r\n1;2\r\n", Header(";", ("id,no", "x"))),
        (b"\xef\xbb\xbfsep=\t\nid\tx\n", Header("\t", ("id", "x"))),
        (b"sep=^\n\na^b,c\n", Header("^", ("a", "b,c"))),
        (b'"sep=,"\na,b\n', Header(",", ("a", "b"))),
        (b"sep=;x\n1;2\n", Header(";", ("sep=", "x"))),
        (b"sep=;", Header(";", ())),
        (b"\n\r\na,b\n", Header(",", ("a", "b"))),
        (b"a,b\r1,2\r", Header(",", ("a", "b"))),
        (b'a,"the ""b""\nof; it"\n1,2\n', Header(",", ("a", 'the "b"\nof; it'))),
        (b'size;5,"\n1;2\n', Header(";", ("size", '5,"'))),
    ],
)
def test_a_header_stands_behind_what_says_the_delimiter(text, header):
    assert read_header(text) == header


@pytest.mark.parametrize(("text", "reason"), [(b'"a,b\n1,2\n', "never closed"), (b"a\x00,\x00b\x00\n", "UTF-16")])
def test_a_header_that_is_no_line_of_names_is_told(text, reason):
    with pytest.raises(HeaderUnreadable, match=reason):
        read_header(text)


def test_what_is_packed_or_wide_can_not_be_cut():
    assert can_be_cut(b"a,b\n")
    assert can_be_cut(BOM + b"a,b\n")
    assert not can_be_cut(b"\x1f\x8b")
    assert not can_be_cut("\ufeffa".encode("utf-16-le"))
    assert not can_be_cut(b"a,b\n", "cp1252")
