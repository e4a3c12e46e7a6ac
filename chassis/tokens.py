"""A token, wherever it stands in what somebody sent: it is cut out, and nothing else is changed.

Works on bytes, since much of what holds a token by mistake can't be parsed: broken JSON, JSON in UTF-16, letters that
are written as escapes, a text within a text. What looks like a token and is none is cut out, too.
"""

import base64
import json
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

CUT: Final = "[cut]"
_NAMES: Final = r"authorization|access_token|refresh_token|id_token"
_SECRET_NAME: Final = re.compile(rf"(?:{_NAMES}|dpop)\Z", re.IGNORECASE)
_HINT: Final = re.compile(rf"bearer|{_NAMES}|\\u00|\x00|(?<![\w-])[\w-]++\.[\w-]", re.IGNORECASE)
# The last one: ASCII letters that are written as escapes, as nobody does without a reason.
_WORTH_WHILE: Final = re.compile(rb"eyJ|[Bb][Ee][Aa][Rr][Ee][Rr]|\x00|\\u00[2-7]")
_TEXT: Final = r"(?:[\w.~+/=-]|\\++/)"
_BLANK: Final = r"(?:[\s:]|\\++[nrt])"
# With a capital letter it is the scheme; without one it may be a word, and what follows has to look like a token.
_BEARER: Final = re.compile(
    rf"Bearer{_BLANK}{{1,20}}({_TEXT}+)"
    rf"|(?i:bearer){_BLANK}{{1,20}}((?={_TEXT}{{0,50}}\d){_TEXT}{{8,}}|{_TEXT}{{20,}})",
    re.ASCII,
)
_LONG_BEARER: Final = re.compile(rf"bearer{_BLANK}{{1,20}}{_TEXT}{{16,}}", re.ASCII | re.IGNORECASE)
_DOTTED: Final = re.compile(r"(?<![\w-])[\w-]++(?:\.[\w-]++)+", re.ASCII)
_NAMED: Final = re.compile(rf"(?:{_NAMES})[\"'\\]{{0,8}}\s{{0,20}}[:=]\s{{0,20}}", re.IGNORECASE)
_ESCAPE: Final = re.compile(r"(?<!\\)\\++u00([2-7][0-9a-fA-F])")
_QUOTE: Final = re.compile(r"(\\*)([\"'])")
# One that doesn't end goes to the end: nothing here may look twice at what a stranger wrote.
_STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)', re.DOTALL)
_STRUCTURE: Final = re.compile(rf"{_STRING.pattern}|[\[\]{{}}]", re.DOTALL)
_BARE: Final = re.compile(r"[^\r\n,}\]\"']+")
_UNESCAPED_TIMES: Final = 3
_WIDTHS: Final = (2, 4)
_JOSE_HEADER: Final = range(12, 16 * 1024)
_GLUED: Final = 4


def is_secret(name: str) -> bool:
    """Whether a header or an attribute of this name holds a token, whatever that looks like."""
    return _SECRET_NAME.search(name) is not None


def without_tokens(data: bytes) -> bytes:
    """`data` without what may be a token, byte for byte otherwise."""
    text = data.decode("latin-1")
    if _HINT.search(text) is None:
        return data
    kept: list[str] = []
    done = 0
    for cut in sorted(_cuts(text), key=lambda each: (each.start, -each.end)):
        if cut.end > done:
            kept += (text[done : max(cut.start, done)], cut.instead if cut.start >= done else "")
            done = cut.end
    return "".join((*kept, text[done:])).encode("latin-1")


def text_without_tokens(text: str) -> str:
    """The same for text."""
    if _HINT.search(text) is None:
        return text
    return without_tokens(text.encode(errors="surrogatepass")).decode(errors="surrogatepass")


def may_hold_a_token(data: bytes) -> bool:
    """Whether it is worth while to look for one in the texts of this JSON."""
    return _WORTH_WHILE.search(data) is not None


def fields_with_tokens(data: Any, path: str = "") -> Iterator[str]:
    """The paths of those texts in `data`, names among them, in which there surely is a token."""
    if isinstance(data, Mapping):
        for name, value in data.items():
            inside = f"{path}.{name}" if path else str(name)
            yield from (path for _ in fields_with_tokens(str(name)))
            yield from fields_with_tokens(value, inside)
    elif isinstance(data, list):
        for number, value in enumerate(data):
            yield from fields_with_tokens(value, f"{path}.{number}")
    elif isinstance(data, str) and (_LONG_BEARER.search(data) or any(_jwts(data))):
        yield path


@dataclass(frozen=True)
class _Cut:
    start: int
    end: int
    instead: str


class _View:
    """A text as somebody reads it who decodes what was sent; every place in it is known in that."""

    def __init__(self, text: str, *, width: int = 1) -> None:
        self.text = text
        self._width = width

    def place(self, index: int) -> int:
        """Where this stands as it was written, before escapes were read."""
        return index

    def cut(self, start: int, end: int, instead: str) -> _Cut:
        """What to cut of what was sent. Wide letters stay wide: nothing is written in the token's place."""
        return _Cut(start * self._width, end * self._width, instead if self._width == 1 else "")


class _Unescaped(_View):
    """With escapes read, once more than in `of`."""

    def __init__(self, of: _View) -> None:
        parts: list[str] = []
        self._here, self._there = [0], [0]
        here = there = 0
        for match in _ESCAPE.finditer(of.text):
            here += match.start() - there + 1
            parts += (of.text[there : match.start()], chr(int(match[1], 16)))
            there = match.end()
            self._here += (here - 1, here)
            self._there += (match.start(), there)
        super().__init__("".join((*parts, of.text[there:])))
        self._of = of

    def outside(self, index: int) -> int:
        segment = bisect_right(self._here, index) - 1
        return self._there[segment] + index - self._here[segment]

    def place(self, index: int) -> int:
        return self._of.place(self.outside(index))

    def cut(self, start: int, end: int, instead: str) -> _Cut:
        return self._of.cut(self.outside(start), self.outside(end), instead)


def _cuts(text: str) -> Iterator[_Cut]:
    yield from _cuts_of(_View(text))
    if "\0" in text:
        for width in _WIDTHS:
            for first in range(width):
                yield from _cuts_of(_View(text[first::width], width=width))


def _cuts_of(written: _View) -> Iterator[_Cut]:
    read = written
    for _ in range(1 + _UNESCAPED_TIMES):
        for match in _BEARER.finditer(read.text):
            yield read.cut(*match.span(1 if match[1] else 2), CUT)
        for start, end in _jwts(read.text):
            yield read.cut(start, end, CUT)
        yield from _named(read, written)
        if _ESCAPE.search(read.text) is None:
            return
        read = _Unescaped(read)


def _jwts(text: str) -> Iterator[tuple[int, int]]:
    for run in _DOTTED.finditer(text):
        start = run.start()
        for part in run.group().split(".")[:-1]:
            found = _jose_header(part)
            if found is not None:
                yield start + found, run.end()
                break
            start += len(part) + 1


def _jose_header(part: str) -> int | None:
    """Where in `part` a JOSE header begins that goes to its end: base64url of a JSON object."""
    start = 0 if part.startswith("e") else part.find("ey")
    for _ in range(_GLUED):
        if start < 0 or len(part) - start not in _JOSE_HEADER:
            return None
        if _is_object(part[start:]):
            return start
        start = part.find("ey", start + 1)
    return None


def _is_object(part: str) -> bool:
    try:
        return isinstance(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))), dict)
    except (ValueError, RecursionError):
        return False


def _named(read: _View, written: _View) -> Iterator[_Cut]:
    """The values of secret names. Where one ends is looked up as it was written: escapes keep quotes apart."""
    done = 0
    for match in _NAMED.finditer(read.text):
        at = read.place(match.end())
        found = _value(written.text, at) if at >= done else None
        if found is not None:
            done = found.end
            yield written.cut(found.start, found.end, found.instead)


def _value(text: str, at: int) -> _Cut | None:
    """What is in the quotes, in the brackets, or before the next comma."""
    if string := _STRING.match(text, at):
        return _Cut(at + 1, max(string.end() - string.group().endswith('"', 1), at + 1), CUT)
    if quote := _QUOTE.match(text, at):
        end = text.find(quote.group(), quote.end())
        return _Cut(quote.end(), end if end >= 0 else len(text), CUT)
    if text[at : at + 1] in ("[", "{"):
        return _Cut(at + 1, _closing(text, at), "")
    bare = _BARE.match(text, at)
    return _Cut(at, bare.end(), "null") if bare and bare.group().strip() not in ("", "null") else None


def _closing(text: str, at: int) -> int:
    depth = 0
    for match in _STRUCTURE.finditer(text, at):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(match.group(), 0)
        if depth == 0:
            return match.start()
    return len(text)
