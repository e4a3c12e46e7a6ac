"""Fixed layouts that cross the sandbox's boundary: lengths are checked, nothing is parsed."""

import math
import struct
from array import array
from collections.abc import Iterable, Sequence
from typing import Final

_LENGTH: Final = 4
_NUMBER: Final = 8


def pack_texts(texts: Sequence[str]) -> bytes:
    """Lengths in bytes, four bytes each, then the texts in UTF-8 one after another."""
    raw = [text.encode(errors="replace") for text in texts]
    return struct.pack(f"<I{len(raw)}I", len(raw), *map(len, raw)) + b"".join(raw)


def texts_of(piece: memoryview, *, at_most: int) -> list[str]:
    """What `pack_texts` made. Raises `ValueError` where it isn't that, or more than `at_most` texts."""
    if piece.nbytes < _LENGTH:
        raise ValueError("no texts")
    (count,) = struct.unpack_from("<I", piece)
    start = _LENGTH * (count + 1)
    if count > at_most or start > piece.nbytes:
        raise ValueError(f"{count} texts, and {at_most} at most are expected")
    lengths = struct.unpack_from(f"<{count}I", piece, _LENGTH)
    if start + sum(lengths) != piece.nbytes:
        raise ValueError("texts of other lengths than announced")
    texts = list[str]()
    for length in lengths:
        texts.append(bytes(piece[start : start + length]).decode(errors="replace"))
        start += length
    return texts


def pack_whole(numbers: Iterable[int]) -> bytes:
    """Eight bytes each, signed."""
    return array("q", numbers).tobytes()


def whole_numbers(piece: memoryview, *, least: int = 0) -> list[int]:
    """What `pack_whole` made. Raises `ValueError`, also for a number below `least`."""
    numbers = array("q")
    numbers.frombytes(_whole_eights(piece))
    if any(number < least for number in numbers):
        raise ValueError(f"a number below {least}")
    return numbers.tolist()


def pack_real(numbers: Iterable[float]) -> bytes:
    """Eight bytes each."""
    return array("d", numbers).tobytes()


def real_numbers(piece: memoryview, *, finite: bool = False) -> list[float]:
    """What `pack_real` made. Raises `ValueError`."""
    numbers = array("d")
    numbers.frombytes(_whole_eights(piece))
    if finite and not all(map(math.isfinite, numbers)):
        raise ValueError("a number that isn't finite")
    return numbers.tolist()


def _whole_eights(piece: memoryview) -> bytes:
    if piece.nbytes % _NUMBER:
        raise ValueError(f"{piece.nbytes} bytes are no numbers of {_NUMBER} bytes")
    return bytes(piece)
