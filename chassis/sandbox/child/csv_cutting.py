"""A delimited text cut into stretches of whole records, in bounded memory."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from .csv_quotes import Quotes

BOM: Final = b"\xef\xbb\xbf"
MAX_RECORD_BYTES: Final = 16 << 20
"""A longer record is given up."""
_WINDOW_BYTES: Final = 4 << 20
_RETURN: Final = ord("\r")
NEVER_CLOSED: Final = "a quote is never closed"
TOO_LONG: Final = f"a record of more than {MAX_RECORD_BYTES >> 20} MB"


@dataclass(frozen=True)
class Stretch:
    """Whole records, one after another; or, with a `reason`, what is given up as one record that can't be read."""

    text: bytes
    reason: str | None = None


class Cutter:
    """Cuts a text that comes piece by piece, without its mark. Holds no more than the longest record and a piece.

    `position` is the offset in the text behind what has been given, `start` at first; a record begins there. The text
    is read to the first record's end at or behind `stop`, and on while `held`; None: to its end. `left_open`: it ended
    within quotes.
    """

    def __init__(self, delimiter: str, *, start: int = 0, stop: int | None = None) -> None:
        self.position = start
        self.held = self.left_open = False
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
        end, at_stop = self._last_end(window)
        if not end:
            self._keep(window)
            return
        stretch = self._taken(window if end == len(window) else window[:end])
        if at_stop:
            self._quotes.begin()
            windows.put_back(window[end:])
        else:
            self._keep(window[end:])
        yield stretch

    def _last_end(self, window: bytes) -> tuple[int, bool]:
        """The last end in the window, or the first at or behind the stop, and whether it is that; 0: none."""
        begin = self.position + self._size
        if self._stop is None or begin + len(window) < self._stop:
            return self._quotes.last_end(window, begin), False
        ends = self._quotes.follow(window, begin)
        end = ends.first(self._stop - begin)
        return (end, True) if end else (ends.last(), False)

    def _done(self) -> bool:
        return self._stop is not None and self.position >= self._stop and not self.held

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
        self.left_open |= ended
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
