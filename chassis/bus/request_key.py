"""What a request and its repeats are known by, everywhere."""

import hashlib
from dataclasses import dataclass, field
from typing import Final, Self

ANONYMOUS: Final = "anonymous"
_LENGTH_BYTES: Final = 4


@dataclass(frozen=True)
class RequestKey:
    """A hash of the client that sent a request, its `ce_source` and its `ce_id`.

    `former` is how stores knew an anonymous client's request before clients counted: `source/id`, which two requests
    can have in common. What is stored under it is read until it is gone; nothing is stored under it any more.
    """

    text: str
    former: str | None = field(default=None, compare=False)

    @classmethod
    def of(cls, *, client: str, source: str, request_id: str) -> Self:
        """The key of a request that `client` sent: the one its token was issued to, or `anonymous`."""
        former = f"{source}/{request_id}" if client == ANONYMOUS else None
        return cls(_hashed(client, source, request_id), former)

    @property
    def forms(self) -> tuple[str, ...]:
        """All that a store may know the request by."""
        return (self.text,) if self.former is None else (self.text, self.former)

    def __str__(self) -> str:
        return self.text


def _hashed(*texts: str) -> str:
    """Different for different texts, wherever one ends and the next begins."""
    digest = hashlib.sha256()
    for each in texts:
        data = each.encode()
        digest.update(len(data).to_bytes(_LENGTH_BYTES) + data)
    return digest.hexdigest()
