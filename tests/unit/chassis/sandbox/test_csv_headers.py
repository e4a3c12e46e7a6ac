"""How long a header line may be: the same to a data set that is registered and to an input that is scored."""

import gzip
import json

import pytest

from chassis.sandbox.child.csv_bounds import MAX_HEADER_BYTES
from chassis.sandbox.child.here import Here, Refused

NAMES = ("a", "b")
ENCODED = {
    "utf-8": str.encode,
    "utf-16": lambda text: text.encode("utf-16"),
    "gzip": lambda text: gzip.compress(text.encode()),
}
BEFORE = {"nothing": "", "an empty line": "\n", "its delimiter": "sep=,\n"}


def registered(raw: bytes) -> None:
    """As the registry asks, with the megabyte that it reads."""
    header = {"op": "dataset_block", "key": "it", "whole": len(raw) <= 1 << 20, "content_type": None}
    Here().ask(header, raw[: 1 << 20])


def planned(raw: bytes) -> tuple[str, ...]:
    """The names that the executor finds, with as much as it reads."""
    child = Here()
    wanted = {"model": "the model", "uri": "it", "inputs": [], "outputs": [], "keep": None}
    child.ask({"op": "plan"}, json.dumps(wanted).encode())
    _, (dialect,) = child.ask({"op": "head", "key": "it", "content_type": None}, raw[:MAX_HEADER_BYTES])
    return tuple(json.loads(bytes(dialect))["names"])


def table(header_bytes: int, before: str = "") -> str:
    """A text whose header line of long names, with what stands before it and its end, has that many bytes."""
    names = "".join(f"{number:_<99}," for number in range(header_bytes // 100))
    line = names[: header_bytes - len(before) - 1].removesuffix(",") or "x"
    return before + line.ljust(header_bytes - len(before) - 1, "z") + "\n"


@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize("how", ["utf-8", "gzip"])
def test_a_header_line_that_just_fits_is_read_by_both(how, before):
    raw = ENCODED[how](table(MAX_HEADER_BYTES, BEFORE[before]))

    registered(raw)
    assert sum(map(len, planned(raw))) + len(planned(raw)) + len(BEFORE[before]) == MAX_HEADER_BYTES


@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize("how", ENCODED)
@pytest.mark.parametrize("more", [1, 1 << 17, 1 << 20])
def test_a_longer_one_is_refused_by_both(how, before, more):
    raw = ENCODED[how](table(MAX_HEADER_BYTES + more, BEFORE[before]))

    for look, code in ((registered, "dataset-unreadable"), (planned, "input-corrupt")):
        with pytest.raises(Refused, match="the header line is longer than 256 KB") as refused:
            look(raw)
        assert refused.value.failure.code == code


def test_a_name_is_not_cut_where_the_bytes_of_wide_text_end():
    raw = table(MAX_HEADER_BYTES * 3 // 4).encode("utf-16")

    for look in (registered, planned):
        with pytest.raises(Refused, match="the header line is longer than 256 KB"):
            look(raw)


def test_a_header_line_alone_needs_no_end():
    assert planned(b"a,b") == NAMES
    registered(b"a,b")


@pytest.mark.parametrize("look", [registered, planned])
def test_a_quote_that_is_never_closed_is_told_where_all_of_the_text_was_seen(look):
    with pytest.raises(Refused, match="a quote that is never closed"):
        look(b'"a,b\n1,2\n')
