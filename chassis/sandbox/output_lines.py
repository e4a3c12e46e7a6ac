"""What a model's process prints, as lines for the log: untrusted, so cleaned, cut and limited, and never parsed."""

import time
import unicodedata
from collections.abc import Callable
from typing import Final

MAX_CHARACTERS: Final = 1_000
BURST: Final = 100
A_SECOND: Final = 20
_TAIL_BYTES: Final = 2_000
_LINE_BYTES: Final = 4 * MAX_CHARACTERS


class OutputLines:
    """Bytes in, lines out. More than `BURST` lines at once, or `A_SECOND` for long, are left out and counted."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._rest = b""
        self._skipping = False
        self._tail = b""
        self._left_out = 0
        self._allowance, self._at = float(BURST), clock()

    @property
    def last(self) -> str:
        """What was printed at the end, on one line or several."""
        return self._tail.decode(errors="replace").strip()

    def take(self, data: bytes) -> list[str]:
        """The lines that end in `data`."""
        self._tail = (self._tail + data)[-_TAIL_BYTES:]
        *whole, self._rest = (self._rest + data).split(b"\n")
        lines: list[str] = []
        for raw in whole:
            if not self._skipping:
                lines += self._let_pass(raw)
            self._skipping = False
        if len(self._rest) > _LINE_BYTES:
            if not self._skipping:
                lines += self._let_pass(self._rest)
            self._rest, self._skipping = b"", True
        return lines

    def end(self) -> list[str]:
        """What had no newline yet, and how much was left out."""
        rest, self._rest = self._rest, b""
        lines = self._let_pass(rest) if rest and not self._skipping else []
        return lines + self._owned_up()

    def _let_pass(self, raw: bytes) -> list[str]:
        at = self._clock()
        self._allowance = min(BURST, self._allowance + (at - self._at) * A_SECOND)
        self._at = at
        if self._allowance < 1:
            self._left_out += 1
            return []
        self._allowance -= 1
        text = cleaned(raw.decode(errors="replace"), MAX_CHARACTERS)
        return [*self._owned_up(), text] if text else []

    def _owned_up(self) -> list[str]:
        count, self._left_out = self._left_out, 0
        return [f"… {count} lines left out: more than {A_SECOND} a second"] if count else []


def cleaned(text: str, limit: int) -> str:
    """On one line, without control characters, escapes and changes of direction; at most `limit` characters."""
    short = text if len(text) <= limit else text[: limit - 1] + "…"
    plain = short if short.isprintable() else "".join(map(_plain, short))
    return plain.strip()


def _plain(character: str) -> str:
    if character.isprintable():
        return character
    return " " if character == "\t" or unicodedata.category(character).startswith("Z") else "\ufffd"
