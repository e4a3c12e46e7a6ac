"""XGBoost's document, read before the library does, which in UBJSON takes what lies behind the file for a part of it.

Whatever the library could take otherwise is refused: a name that is there twice, or a kind that it doesn't write.
"""

import json
import re
import struct
from collections.abc import Callable
from typing import Any, Final

import numpy as np

Pairs = list[tuple[str, Any]]
Made = Callable[[dict[str, Any]], Any]
"""Is given each object when it ends, and says what stands for it in the one around it."""

_NUMBERS: Final = {b"d": ">f4", b"D": ">f8", b"i": ">i1", b"U": ">u1", b"I": ">i2", b"l": ">i4", b"L": ">i8"}
_CONSTANTS: Final = {b"Z": None, b"T": True, b"F": False}
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)


def read(raw: bytes, made: Made) -> Any:
    """What `made` made of the outermost object. Lists of numbers in UBJSON are arrays.

    Raises:
        ValueError: it is no such document, or ends too early.
    """
    if raw[1:].lstrip()[:1] == b'"':
        return _json(raw, made)
    return _Ubjson(raw, made).value()


def _json(raw: bytes, made: Made) -> Any:
    # As bytes, which is how the library compares names; it leaves \u as it is.
    text = raw.decode("latin-1")
    if "\\u" in text:
        text = _ESCAPED.sub(lambda found: "\\\\u" if found[1] == "u" else found[0], text)
    return json.JSONDecoder(object_pairs_hook=lambda pairs: made(_object(pairs)), strict=False).raw_decode(text)[0]


def _object(pairs: Pairs) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is there twice")
    return found


class _Ubjson:
    """What XGBoost writes of it."""

    def __init__(self, raw: bytes, made: Made) -> None:
        self._raw, self._at, self._made = raw, 0, made

    def value(self) -> Any:
        kind = self._take(1)
        if kind == b"{":
            return self._made(self._object())
        if kind == b"[":
            return self._list()
        if kind == b"S":
            return self._text()
        if kind in _CONSTANTS:
            return _CONSTANTS[kind]
        return self._numbers(kind, 1)[0].item()

    def _object(self) -> dict[str, Any]:
        pairs = Pairs()
        while self._next() != b"}":
            pairs.append((self._text(), self.value()))
        self._at += 1
        return _object(pairs)

    def _list(self) -> Any:
        if self._next() == b"$":
            kind = self._take(3)
            if kind[2:] != b"#":
                raise ValueError("a list without a length")
            return self._numbers(kind[1:2], self._length())
        if self._next() == b"#":
            self._at += 1
            return [self.value() for _ in range(self._length())]
        found = list[Any]()
        while self._next() != b"]":
            found.append(self.value())
        self._at += 1
        return found

    def _text(self) -> str:
        return self._take(self._length()).decode("latin-1")

    def _numbers(self, kind: bytes, count: int) -> Any:
        if kind not in _NUMBERS:
            raise ValueError("a kind that XGBoost doesn't write")
        form = np.dtype(_NUMBERS[kind])
        return np.frombuffer(self._take(count * form.itemsize), form)

    def _length(self) -> int:
        mark, length = struct.unpack(">cq", self._take(9))
        # Whatever it counts takes a byte at least.
        if mark != b"L" or not 0 <= length <= len(self._raw) - self._at:
            raise ValueError("a length that can't be")
        return length

    def _next(self) -> bytes:
        return self._raw[self._at : self._at + 1]

    def _take(self, count: int) -> bytes:
        found = self._raw[self._at : self._at + count]
        if len(found) != count:
            raise ValueError("it ends too early")
        self._at += count
        return found
