"""Where the records of a delimited text end, by the parser's own rules, found at the speed of memory.

A quote opens only as the first character of a field, and there `""` is a quote; anywhere else it is a character like
others. A line's end outside of quotes ends a record: LF, CR LF, or CR alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

BOM: Final = b"\xef\xbb\xbf"
MAX_RECORD_BYTES: Final = 16 << 20
"""A longer record is given up."""
_WINDOW_BYTES: Final = 4 << 20
_STEP_BYTES: Final = 128 * 1024
"""What fits into a processor's cache, with all that is found in it."""
_QUOTE, _NEWLINE, _RETURN = ord('"'), ord("\n"), ord("\r")
NEVER_CLOSED: Final = "a quote is never closed"
TOO_LONG: Final = f"a record of more than {MAX_RECORD_BYTES >> 20} MB"

_Bytes = npt.NDArray[np.uint8]
_Places = npt.NDArray[np.intp]
_Flags = npt.NDArray[np.bool_]
_NONE: Final = np.empty(0, dtype=np.intp)
_TRUE: Final = np.array([True])


@dataclass(frozen=True)
class Stretch:
    """Whole records, one after another; or, with a `reason`, what is given up as one record that can't be read."""

    text: bytes
    reason: str | None = None


class Cutter:
    """Cuts a text that comes piece by piece, without its mark. Holds no more than the longest record and a piece.

    `position` is the offset in the text behind what has been given, `start` at first; a record begins there. The text
    is read to the first record's end at or behind `stop`, and on while `held`; None: to its end.
    """

    def __init__(self, delimiter: str, *, start: int = 0, stop: int | None = None) -> None:
        self.position = start
        self.held = False
        self._stop = stop
        self._quotes = Quotes(delimiter)
        self._pending: list[bytes] = []
        self._size = 0

    def cut(self, pieces: Iterator[bytes]) -> Iterator[Stretch]:
        windows = _Windows(pieces)
        if self.position == 0:
            self.position = windows.skip(BOM)
        while not self._done():
            window = windows.take(MAX_RECORD_BYTES - self._size)
            if window:
                yield from self._followed(windows, window)
            if self._size >= MAX_RECORD_BYTES or (not window and self._size):
                yield self._last_or_given_up(windows, ended=not window)
            elif not window:
                return

    def _followed(self, windows: "_Windows", window: bytes) -> Iterator[Stretch]:
        """What ends in the window; the rest is kept, or read again behind the stop."""
        ends = self._quotes.follow(window, self.position + self._size)
        end = self._at_stop(ends)
        if end:
            self._quotes.begin()
            windows.put_back(window[end:])
            yield self._taken(window[:end])
        elif end := ends.last():
            stretch = self._taken(window if end == len(window) else window[:end])
            self._keep(window[end:])
            yield stretch
        else:
            self._keep(window)

    def _done(self) -> bool:
        return self._stop is not None and self.position >= self._stop and not self.held

    def _at_stop(self, ends: "Ends") -> int:
        """The first end in the window that is at or behind the stop; 0: none."""
        return 0 if self._stop is None else ends.first(self._stop - self.position - self._size)

    def _keep(self, text: bytes) -> None:
        if text:
            self._pending.append(text)
            self._size += len(text)

    def _taken(self, text: bytes) -> Stretch:
        whole = b"".join((*self._pending, text)) if self._pending else text
        self._pending, self._size = [], 0
        self.position += len(whole)
        return Stretch(whole)

    def _last_or_given_up(self, windows: "_Windows", *, ended: bool) -> Stretch:
        text, opened = b"".join(self._pending), self._quotes.opened
        begin, self._pending, self._size = self.position, [], 0
        self._quotes.begin()
        if ended and opened is None:
            self.position += len(text)
            return Stretch(text)
        end = line_end(text, len(text) if opened is None else opened - begin)
        if end:
            windows.put_back(text[end:])
        self.position += end or len(text) + (0 if ended else windows.skip_line())
        return Stretch(text[:end] if end else text, TOO_LONG if opened is None else NEVER_CLOSED)


def line_end(text: bytes, at: int = 0) -> int:
    """The offset behind the first line's end at or behind `at`, whether quotes are open there or not; 0: none."""
    newline, alone = text.find(b"\n", at), text.find(b"\r", at)
    if alone < 0 or 0 <= newline < alone:
        return newline + 1
    return alone + (2 if newline == alone + 1 else 1)


class Quotes:
    """Follows a text from a record's beginning on, window by window, in and out of quotes."""

    def __init__(self, delimiter: str) -> None:
        self._separates = np.zeros(256, dtype=np.bool_)
        self._separates[[ord(delimiter), _NEWLINE, _RETURN]] = True
        self.begin()

    def begin(self) -> None:
        """A record begins."""
        self._opened = 0
        self._inside = False
        self._fresh, self._closed = True, False

    @property
    def opened(self) -> int | None:
        """Where the quotes were opened that the text followed so far ends in."""
        return self._opened if self._inside else None

    def follow(self, window: bytes, begin: int) -> "Ends":
        """The ends of records in `window`, which stands at the offset `begin`."""
        text, quoted = np.frombuffer(window, dtype=np.uint8), b'"' in window
        steps = [
            self._step(text, low, min(low + _STEP_BYTES, len(text)), begin, quoted=quoted)
            for low in range(0, len(text), _STEP_BYTES)
        ]
        return Ends(text, steps, returns=b"\r" in window)

    def _step(self, text: _Bytes, low: int, high: int, begin: int, *, quoted: bool) -> "_Step":
        inside, part = self._inside, text[low:high]
        quotes = np.flatnonzero(part == _QUOTE) if quoted else _NONE
        if len(quotes):
            starts, states = self._runs(part, quotes, begin + low)
        else:
            starts, states, self._closed = _NONE, _NONE.astype(np.bool_), False
        self._fresh = bool(self._separates[part[-1]])
        return _Step(low, high, starts, np.concatenate(([inside], states)))

    def _runs(self, text: _Bytes, quotes: _Places, begin: int) -> tuple[_Places, _Flags]:
        """Where runs of quotes begin, and whether the text behind each of them is inside of quotes.

        An even run changes nothing: in quotes it stands for quotes, outside for an empty field or for characters. An
        odd one closes open quotes; else it opens some if a field begins with it. So the state behind a run is the
        parity of those that may open since the last one that can't.
        """
        heads = np.flatnonzero(np.concatenate((_TRUE, quotes[1:] - quotes[:-1] != 1)))
        starts = quotes if len(heads) == len(quotes) else quotes[heads]
        parity = np.append(heads, len(quotes)).astype(np.uint8) & 1
        odd = parity[1:] != parity[:-1]
        opening = self._separates.take(text.take(starts - 1))
        if starts[0] == 0:
            opening[0] = self._fresh or self._closed
        turns, shuts = odd & opening, odd & ~opening
        count = np.cumsum(turns, dtype=np.uint8)  # Its parity is all that counts.
        at_shut = np.concatenate((np.array([self._inside], dtype=np.uint8), count[shuts]))
        states = ((count - at_shut.take(np.cumsum(shuts))) & 1).astype(np.bool_)
        self._remember(starts, turns, states, opening, begin, ends=text[-1] == _QUOTE)
        return starts, states

    def _remember(
        self, starts: _Places, turns: _Flags, states: _Flags, opening: _Flags, begin: int, *, ends: bool
    ) -> None:
        before = states[-2] if len(states) > 1 else self._inside
        inside = bool(states[-1])
        # A quote that has just closed is opened again by one more: together they stand for a quote.
        closed = bool(ends and not inside and (before or opening[-1]))
        if closed and not before:
            opened = len(starts) - 1
        else:
            opens = turns & states
            opened = len(opens) - 1 - int(np.argmax(opens[::-1])) if opens.any() else -1
        if opened >= 0 and not (self._closed and starts[opened] == 0):
            self._opened = begin + int(starts[opened])
        self._inside, self._closed = inside, closed


@dataclass(frozen=True)
class _Step:
    """A part of a window: where runs of quotes begin in it, whether it is in quotes at first and behind each run."""

    low: int
    high: int
    starts: _Places
    states: _Flags


class Ends:
    """The ends of records in a window, looked for where they are asked for."""

    def __init__(self, text: _Bytes, steps: Sequence[_Step], *, returns: bool) -> None:
        self._text, self._steps, self._returns = text, steps, returns

    def first(self, least: int = 1) -> int:
        """The first end at or behind the offset `least`; 0: none."""
        for step in self._steps:
            low = max(step.low, least - 1)
            if low < step.high and len(found := self._of(step, low)):
                return int(found[0])
        return 0

    def last(self) -> int:
        """The last end; 0: none."""
        for step in reversed(self._steps):
            if len(found := self._of(step, step.low)):
                return int(found[-1])
        return 0

    def _of(self, step: _Step, low: int) -> _Places:
        """Ends that belong to line ends at or behind `low`."""
        text = self._text[low : step.high]
        marks = text == _NEWLINE
        if self._returns:
            followed = self._text[low + 1 : step.high + 1] == _NEWLINE
            alone = text == _RETURN
            alone[: len(followed)] &= ~followed
            marks |= alone
        places = np.flatnonzero(marks) + low
        if len(step.starts) or step.states[0]:
            places = places[~step.states[np.searchsorted(step.starts, places - step.low)]]
        return places + 1


class _Windows:
    """The pieces again, not too large, none of which ends between a CR and its LF."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._piece, self._offset = b"", 0

    def take(self, limit: int) -> bytes:
        """The next window, of at most `limit` bytes; empty at the end."""
        while self._has_less_than(2) and (piece := next(self._pieces, None)) is not None:
            self.put_back(piece, behind=True)
        size = min(len(self._piece) - self._offset, limit, _WINDOW_BYTES)
        if size > 1 and self._piece[self._offset + size - 1] == _RETURN:
            size -= 1
        begin, self._offset = self._offset, self._offset + size
        return self._piece if size == len(self._piece) else self._piece[begin : begin + size]

    def put_back(self, text: bytes, *, behind: bool = False) -> None:
        rest = self._piece[self._offset :]
        self._piece, self._offset = rest + text if behind else text + rest, 0

    def skip(self, mark: bytes) -> int:
        """Passes over `mark` if all begins with it; how many bytes that are."""
        while self._has_less_than(len(mark)) and (piece := next(self._pieces, None)) is not None:
            self.put_back(piece, behind=True)
        self._offset = len(mark) if self._piece.startswith(mark) else 0
        return self._offset

    def _has_less_than(self, count: int) -> bool:
        return len(self._piece) - self._offset < count

    def skip_line(self) -> int:
        """Passes over all up to the next line's end, and that; how many bytes."""
        skipped = 0
        while window := self.take(_WINDOW_BYTES):
            end = line_end(window)
            if end:
                self.put_back(window[end:])
                return skipped + end
            skipped += len(window)
        return skipped
