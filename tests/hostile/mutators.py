"""Damage to bytes that can be done again: what is done follows from the random numbers that are given."""

import re
import struct
from collections.abc import Callable, Sequence
from random import Random
from typing import Final

Mutator = Callable[[bytes, Random], bytes]
"""Changes a file that has bytes."""

NUMBERS: Final = (0, 1, 2, 7, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
LARGE: Final = (0x7FFFFFFFFFFFFFFF, 0x8000000000000000, 0xFFFFFFFFFFFFFFFF, 1 << 40)
TEXTS: Final = (
    "-1", "0", "1", "2", "-2", "-5", "100000000", "2147483647", "2147483648", "-2147483648", "4294967295",
    "9223372036854775807", "9223372036854775808", "1e308", "1e999", "nan", "inf", "-inf", "1e-320", "0.5", "", "x",
)  # fmt: skip
"""What stands in a text for another number."""
_NUMBER: Final = re.compile(rb"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")


def flip_bits(raw: bytes, random: Random) -> bytes:
    changed = bytearray(raw)
    for _ in range(random.choice((1, 1, 2, 4, 16, 64))):
        changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return bytes(changed)


def set_bytes(raw: bytes, random: Random) -> bytes:
    changed = bytearray(raw)
    for _ in range(random.choice((1, 2, 8))):
        changed[random.randrange(len(changed))] = random.choice((0, 0xFF, 0x7F, 0x80, random.randrange(256)))
    return bytes(changed)


def set_number(raw: bytes, random: Random) -> bytes:
    """A length, a count or a place, of any width, in either order of bytes."""
    code = random.choice("BHIQ")
    width = struct.calcsize(code)
    value = random.choice(NUMBERS + (LARGE if code == "Q" else ())) & ((1 << 8 * width) - 1)
    at = random.randrange(max(1, len(raw) - width + 1))
    return raw[:at] + struct.pack(random.choice("<>") + code, value) + raw[at + width :]


def cut_off(raw: bytes, random: Random) -> bytes:
    return raw[: random.randrange(len(raw))]


def cut_out(raw: bytes, random: Random) -> bytes:
    start, end = _range(raw, random)
    return raw[:start] + raw[end:]


def repeat(raw: bytes, random: Random) -> bytes:
    start, end = _range(raw, random)
    return raw[:end] + raw[start:end] * random.choice((1, 1, 2, 16)) + raw[end:]


def insert(raw: bytes, random: Random) -> bytes:
    at = random.randrange(len(raw) + 1)
    return raw[:at] + random.randbytes(random.choice((1, 2, 4, 64))) + raw[at:]


def blank(raw: bytes, random: Random) -> bytes:
    start, end = _range(raw, random)
    return raw[:start] + bytes([random.choice((0, 0xFF, 0x20))]) * (end - start) + raw[end:]


def move(raw: bytes, random: Random) -> bytes:
    start, end = _range(raw, random)
    rest = raw[:start] + raw[end:]
    at = random.randrange(len(rest) + 1)
    return rest[:at] + raw[start:end] + rest[at:]


def set_text_numbers(raw: bytes, random: Random) -> bytes:
    """Numbers that are written in digits."""
    found = list(_NUMBER.finditer(raw))
    if not found:
        return flip_bits(raw, random)
    for each in sorted(
        random.sample(found, min(len(found), random.choice((1, 1, 2, 4)))), key=lambda one: -one.start()
    ):
        raw = raw[: each.start()] + random.choice(TEXTS).encode() + raw[each.end() :]
    return raw


PLAIN: Final[Sequence[Mutator]] = (
    flip_bits, set_bytes, set_number, cut_off, cut_out, repeat, insert, blank, move, set_text_numbers
)  # fmt: skip


def mutated(raw: bytes, mutators: Sequence[Mutator], random: Random, *, other: bytes = b"") -> bytes:
    """Damaged once, or now and then more often; or continued as `other`, a file of the same format.

    `mutators`: of the format; they have two of three turns.
    """
    if other and random.random() < 0.05:
        return raw[: random.randrange(len(raw) + 1)] + other[random.randrange(len(other) + 1) :]
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        if raw:
            raw = random.choice(mutators if mutators and random.random() < 2 / 3 else PLAIN)(raw, random)
    return raw


def _range(raw: bytes, random: Random) -> tuple[int, int]:
    start = random.randrange(len(raw))
    return start, min(len(raw), start + random.choice((1, 2, 8, 64, 1024)))
