"""What is kept of a record that nobody can handle: byte for byte, but for tokens and what there is no room for."""

from collections.abc import Iterable
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
        """As much of `record` as `room` bytes hold, its value first."""
        kept = _Keeping(room)
        value = kept.part("value", record.value, at_most=value_at_most)
        key = kept.part("key", record.key)
        headers = tuple(kept.headers(record.headers))
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

    def headers(self, sent: Iterable[tuple[str, bytes]]) -> Iterable[tuple[str, bytes]]:
        size, is_cut = 0, False
        for sent_name, value in sent:
            # A name that isn't UTF-8 has halves of surrogate pairs in it, which can't be written.
            name = sent_name.encode(errors="backslashreplace").decode()
            if name.lower().startswith(OURS):
                continue
            size += len(name) + len(value or b"")
            if is_secret(name):
                self.is_redacted = True
                continue
            header = self._fitting(name, value)
            is_cut = is_cut or header != (name, value)
            if header is not None:
                yield self._clean(*header)
        if is_cut:
            self.sizes["headers"] = str(size)

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
