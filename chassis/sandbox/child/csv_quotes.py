"""In and out of quotes: which line ends in a delimited text end a record, found at the speed of memory.

A quote opens only as the first character of a field, and there `""` is a quote; anywhere else it is a character like
others. A line's end outside of quotes ends a record: LF, CR LF, or CR alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

_STEP_BYTES: Final = 128 * 1024
"""What fits into a processor's cache, with all that is found in it."""
_QUOTE, _NEWLINE, _RETURN = ord('"'), ord("\n"), ord("\r")

_Bytes = npt.NDArray[np.uint8]
_Places = npt.NDArray[np.intp]
_Flags = npt.NDArray[np.bool_]
_NONE: Final = np.empty(0, dtype=np.intp)
_TRUE: Final = np.array([True])


class _Runs(NamedTuple):
    """Runs of quotes: where each begins, whether a field may begin with it, whether it turns or shuts the state."""

    starts: _Places
    opening: _Flags
    turns: _Flags
    shuts: _Flags

    def states(self, *, inside: bool) -> _Flags:
        """Whether the text behind each is in quotes: the parity of turns since the last that shuts."""
        count = np.cumsum(self.turns, dtype=np.uint8)
        at_shut = np.concatenate((np.array([inside], dtype=np.uint8), count[self.shuts]))
        return ((count - at_shut.take(np.cumsum(self.shuts))) & 1).astype(np.bool_)


class Quotes:
    """Follows a text from a record's beginning on, window by window."""

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

    def last_end(self, window: bytes, begin: int) -> int:
        """The last end of a record in `window`, which stands at the offset `begin`; 0: none.

        A quote that shuts leaves no doubt of what is behind it: where there is one, nothing before it is looked at.
        """
        text, look = np.frombuffer(window, dtype=np.uint8), _STEP_BYTES
        quoted, returns = b'"' in window, b"\r" in window
        while quoted and look < len(text):
            found = self._from_behind(text, len(text) - look, begin, returns=returns)
            if found:
                return found
            look *= 8
        return self.follow(window, begin).last()

    def follow(self, window: bytes, begin: int) -> "Ends":
        """All ends of records in `window`, which stands at the offset `begin`."""
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
            runs = self._runs(part, quotes, opens=self._fresh or self._closed)
            starts, states = runs.starts, runs.states(inside=inside)
            self._remember(runs, states, begin + low, ends=part[-1] == _QUOTE)
        else:
            starts, states, self._closed = _NONE, _NONE.astype(np.bool_), False
        self._fresh = bool(self._separates[part[-1]])
        return _Step(low, high, starts, np.concatenate(([inside], states)))

    def _from_behind(self, text: _Bytes, low: int, begin: int, *, returns: bool) -> int:
        """The last end behind a quote that shuts, but not as the last; 0 where there is none."""
        part = text[low:]
        quotes = np.flatnonzero(part == _QUOTE)
        if not len(quotes):
            return 0
        runs = self._runs(part, quotes, opens=bool(self._separates[text[low - 1]]))
        # What continues a run from before `low` may be anything.
        known = np.flatnonzero(runs.shuts[:-1])[int(quotes[0] == 0 and text[low - 1] == _QUOTE) :]
        if not len(known):
            return 0
        states, first = runs.states(inside=False), int(known[0])
        step = _Step(low, len(text), runs.starts[first:], np.concatenate((_TRUE, states[first:])))
        found = Ends(text, [step], returns=returns).last()
        if found:
            self._closed = False
            self._remember(runs, states, begin + low, ends=part[-1] == _QUOTE)
            self._fresh = bool(self._separates[part[-1]])
        return found

    def _runs(self, text: _Bytes, quotes: _Places, *, opens: bool) -> _Runs:
        """Of the quotes in `text`; whether one as its first character `opens` a field.

        An even run changes nothing: in quotes it stands for quotes, outside for an empty field or for characters. An
        odd one that may begin a field turns the state; any other shuts it: in quotes it closes them, outside it is
        characters.
        """
        heads = np.flatnonzero(np.concatenate((_TRUE, quotes[1:] - quotes[:-1] != 1)))
        starts = quotes if len(heads) == len(quotes) else quotes[heads]
        parity = np.append(heads, len(quotes)).astype(np.uint8) & 1
        odd = parity[1:] != parity[:-1]
        opening = self._separates.take(text.take(starts - 1))
        if starts[0] == 0:
            opening[0] = opens
        return _Runs(starts, opening, odd & opening, odd & ~opening)

    def _remember(self, runs: _Runs, states: _Flags, begin: int, *, ends: bool) -> None:
        """What the last runs leave for the text behind them; `ends`: the last of them is at its very end."""
        before = states[-2] if len(states) > 1 else self._inside
        inside = bool(states[-1])
        # A quote that has just closed is opened again by one more: together they stand for a quote.
        closed = bool(ends and not inside and (before or runs.opening[-1]))
        if closed and not before:
            opened = len(states) - 1
        else:
            opens = runs.turns & states
            opened = len(opens) - 1 - int(np.argmax(opens[::-1])) if opens.any() else -1
        if opened >= 0 and not (self._closed and runs.starts[opened] == 0):
            self._opened = begin + int(runs.starts[opened])
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

    def records(self) -> int:
        """How many records a window has that begins with one: empty lines are none, what no line ends is one."""
        count = end = 0
        for step in self._steps:
            found = self._of(step, step.low)
            if len(found):
                count += len(found) - self._empty(found, end)
                end = int(found[-1])
        return count + (end < len(self._text))

    def _empty(self, ends: _Places, begin: int) -> int:
        """How many of the lines that end there, of which the first begins at `begin`, are empty."""
        sizes = np.diff(ends, prepend=begin)
        pairs = ends[sizes == 2]  # noqa: PLR2004
        return int(np.count_nonzero(sizes == 1) + np.count_nonzero(self._text[pairs - 2] == _RETURN))

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
