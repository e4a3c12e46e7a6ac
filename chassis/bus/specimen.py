"""What is kept of a record that nobody can handle: byte for byte, but for tokens and what there is no room for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

from chassis.bus.envelope import Headers
from chassis.bus.record import Cut, KafkaRecord
from chassis.tokens import is_secret, text_without_tokens, without_tokens

OURS: Final = "dlq-"
UNKNOWN: Final = "unknown"
# Lengths before a header's name and its value.
_PER_HEADER: Final = 10
_LEFT_OF_HEADER: Final = 256
_MOST_HEADERS: Final = 1000
_LEFT_OF_KEY: Final = 64 * 1024


@dataclass(frozen=True, kw_only=True)
class Specimen:
    """Key, value and headers. `sizes` says of those that were cut how many bytes they had.

    `is_redacted`: a token was cut out.
    """

    key: bytes | None
    value: bytes | None
    headers: Headers
    sizes: dict[str, str]
    is_redacted: bool

    @classmethod
    def of(cls, record: KafkaRecord, *, room: int, value_at_most: int | None = None) -> Self:
        """As much of `record` as `room` bytes hold; what it is known by comes first."""
        kept = _Keeping(room)
        key = kept.part("key", record.key, at_most=_LEFT_OF_KEY)
        value = kept.part("value", record.value, at_most=value_at_most)
        headers = kept.headers(record.headers)
        if key is None and value is None:
            value = b""  # A record with neither can be read, and can't be written.
        return cls(key=key, value=value, headers=headers, sizes=kept.sizes, is_redacted=kept.is_redacted)


class _Keeping:
    """How many bytes are left for what is still to come, and what was cut so far."""

    def __init__(self, room: int) -> None:
        self._left = room
        self.sizes: dict[str, str] = {}
        self.is_redacted = False

    def part(self, name: str, data: bytes | None, *, at_most: int | None = None) -> bytes | None:
        if data is None:
            return None
        first = data[: self._left if at_most is None else min(self._left, at_most)]
        clean = self._redacted(first)
        kept = clean[: self._left]  # What stands in a token's place may take more room.
        self._left -= len(kept)
        if isinstance(data, Cut):
            self.sizes[name] = UNKNOWN if data.size is None else str(data.size)
        elif len(first) < len(data) or len(kept) < len(clean):
            self.sizes[name] = str(len(data))
        return kept

    def headers(self, sent: Sequence[tuple[str, bytes]]) -> Headers:
        """In their order; but where there isn't room for all, CloudEvents' own are served first."""
        theirs = [number for number, (name, _) in enumerate(sent) if not name.lower().startswith(OURS)]
        served = sorted(theirs, key=lambda number: not sent[number][0].startswith("ce_"))[:_MOST_HEADERS]
        kept: dict[int, tuple[str, bytes]] = {}
        is_cut = len(served) < len(theirs)
        for number in served:
            # A name that isn't UTF-8 has halves of surrogate pairs in it, which can't be written.
            name, value = sent[number][0].encode(errors="backslashreplace").decode(), sent[number][1]
            if is_secret(name):
                self.is_redacted = True
                continue
            header = self._fitting(name, value)
            is_cut = is_cut or header != (name, value)
            if header is not None:
                kept[number] = self._clean(*header)
        if is_cut:
            self.sizes["headers"] = str(sum(len(sent[each][0]) + len(sent[each][1] or b"") for each in theirs))
        return tuple(kept[number] for number in sorted(kept))

    def _fitting(self, name: str, value: bytes) -> tuple[str, bytes] | None:
        """Whole, else its beginning, else nothing of it."""
        for left in (value, (value or b"")[:_LEFT_OF_HEADER]):
            size = len(name.encode()) + len(left or b"") + _PER_HEADER
            if size <= self._left:
                self._left -= size
                return name, left
        return None

    def _clean(self, name: str, value: bytes) -> tuple[str, bytes]:
        clean = text_without_tokens(name), self._redacted(value)
        self._left -= max(len(clean[0]) + len(clean[1] or b"") - len(name) - len(value or b""), 0)
        self.is_redacted = self.is_redacted or clean[0] != name
        return clean

    def _redacted(self, data: bytes) -> bytes:
        if not data:
            return data
        clean = without_tokens(data)
        self.is_redacted = self.is_redacted or clean != data
        return clean
