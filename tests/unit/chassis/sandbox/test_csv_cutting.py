"""Records end where the parser ends them, whatever the pieces in which their text comes."""

import itertools
import random
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chassis.sandbox.child import csv_quotes
from chassis.sandbox.child.csv_cutting import MAX_RECORD_BYTES, NEVER_CLOSED, TOO_LONG, Cutter, line_end
from chassis.sandbox.child.csv_quotes import Quotes

TEXTS = st.lists(st.sampled_from([b'"', b'""', b",", b"\n", b"\r", b"\r\n", b"a", b"5"]), max_size=24).map(b"".join)


def ends_of(text: bytes) -> tuple[list[int], bool]:
    """Ends of records, and whether the text ends within quotes: character by character."""
    ends, state, at = list[int](), "start", 0
    while at < len(text):
        char, following = text[at : at + 1], text[at + 1 : at + 2]
        if state == "quotes":
            if char == b'"' == following:
                at += 1
            elif char == b'"':
                state = "field"
        elif char in b"\r\n":
            at += char == b"\r" and following == b"\n"
            ends.append(at + 1)
            state = "start"
        elif char == b",":
            state = "start"
        else:
            state = "quotes" if char == b'"' and state == "start" else "field"
        at += 1
    return ends, state == "quotes"


def pieces_of(text: bytes, size: int) -> Iterator[bytes]:
    return (text[at : at + size] for at in range(0, len(text), size))


def cut(text: bytes, size: int = 1 << 20) -> list[tuple[bytes, str | None]]:
    """Stretches; neighbours that are records are one."""
    cutter = Cutter(",")
    found = list(cutter.cut(pieces_of(text, size)))
    assert cutter.position == len(text)
    grouped = itertools.groupby(found, key=lambda stretch: stretch.reason)
    return [
        one
        for reason, group in grouped
        for one in (
            [(b"".join(each.text for each in group), None)]
            if reason is None
            else [(each.text, reason) for each in group]
        )
    ]


@given(TEXTS, st.integers(1, 5), st.integers(1, 4))
@example(b'"\n""\r,', 3, 3)
@example(b'a\n"""\r,,,\n', 2, 1)
def test_ends_are_those_of_a_walk_from_character_to_character(text: bytes, size: int, step: int) -> None:
    quotes, behind, found, at = Quotes(","), Quotes(","), list[int](), 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_quotes, "_STEP_BYTES", step)
        while at < len(text):
            end = min(at + size, len(text))
            end += text[end - 1 : end + 1] == b"\r\n"
            ends, least = quotes.follow(text[at:end], at), 1
            last = ends.last()
            while first := ends.first(least):
                found.append(at + first)
                least = first + 1
            assert last == least - 1 == behind.last_end(text[at:end], at)
            assert quotes.opened == behind.opened
            at = end
    assert (found, quotes.opened is not None) == ends_of(text)


@given(TEXTS, st.integers(1, 9))
def test_no_size_of_pieces_changes_what_is_cut(text: bytes, size: int) -> None:
    whole = cut(text)
    assert cut(text, size) == whole
    assert b"".join(piece for piece, _ in whole) == text


def test_a_quote_within_a_field_is_a_character() -> None:
    text = b'1,plain\n2,5" pipe\n3,"two\nlines"\n4,6" hose\n'
    assert cut(text) == [(text, None)]
    assert len(ends_of(text)[0]) == 4


def test_a_quote_that_nothing_closes_costs_its_line_alone() -> None:
    assert cut(b'1,2\n3,"4\n5,6\n') == [(b"1,2\n", None), (b'3,"4\n', NEVER_CLOSED), (b"5,6\n", None)]


@pytest.mark.parametrize("size", [1 << 20, 3 << 20, 5_000_003, 64 << 20])
def test_a_quote_that_nothing_closes_within_16_mb_costs_its_line_alone(size: int) -> None:
    rest = b"5,6\n" * (MAX_RECORD_BYTES // 3)
    assert cut(b'1,2\n3,"4\n' + rest, size) == [(b"1,2\n", None), (b'3,"4\n', NEVER_CLOSED), (rest, None)]


@pytest.mark.parametrize("over", [0, 1])
@pytest.mark.parametrize("size", [1 << 20, 5_000_003, 64 << 20])
def test_a_line_is_given_up_from_one_byte_too_many_on(over: int, size: int) -> None:
    line = b"x" * (MAX_RECORD_BYTES - 1 + over) + b"\n"
    head, tail = b"1,2\n", b"3,4\n"
    expected = [(head, None), (line[:MAX_RECORD_BYTES], TOO_LONG), (tail, None)]
    assert cut(head + line + tail, size) == (expected if over else [(head + line + tail, None)])


@pytest.mark.parametrize("unit", [b"x" * 4096, b'"x', b"x\r\r", b'""', b',"\n"'])
def test_memory_does_not_grow_with_what_never_ends(unit: bytes) -> None:
    pieces = (unit * (65_536 // len(unit)) for _ in range(1_000))
    tracemalloc.start()
    try:
        for _ in Cutter(",").cut(pieces):
            pass
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 5 * MAX_RECORD_BYTES


@given(TEXTS, st.integers(0, 24))
def test_a_line_ends_with_lf_or_cr_or_both(text: bytes, at: int) -> None:
    lines = [line for line in text[at:].splitlines(keepends=True) if line.endswith((b"\r", b"\n"))]
    assert line_end(text, at) == (at + len(lines[0]) if lines else 0)


def test_many_random_characters_are_cut_as_the_walk_cuts_them() -> None:
    text = bytes(random.Random(7).choices(b'"",,\nab\r', k=200_000))  # noqa: S311
    quotes, found = Quotes(","), list[int]()
    expected, ends, least = ends_of(text)[0], quotes.follow(text, 0), 1
    for _ in range(2_000):
        found.append(ends.first(least))
        least = found[-1] + 1
    assert found == expected[:2_000]
    assert [ends.first(end) for end in expected[::500]] == expected[::500]
    assert ends.last() == expected[-1]
