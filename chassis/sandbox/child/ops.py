"""The child's end of the link: messages in, answers out."""

import socket
from collections.abc import Callable
from typing import Any

from .conversion import Column
from .failures import Failure
from .wire import Mappings, receive, send

Message = tuple[dict[str, Any], list[memoryview]]
Op = Callable[[dict[str, Any], list[memoryview]], None]


class Link:
    """One message at a time. Its sender is trusted."""

    def __init__(self, link: socket.socket) -> None:
        self._link = link
        self._mappings = Mappings()

    def receive(self) -> Message:
        """Raises: EOFError, TimeoutError."""
        return receive(self._link, self._mappings)

    def tell(self, header: dict[str, Any], *pieces: bytes | memoryview) -> None:
        send(self._link, {"ok": True, **header}, tuple(memoryview(piece) for piece in pieces))

    def fail(self, failure: Failure) -> None:
        send(self._link, {"ok": False, **vars(failure)})


def columns_of(raw: list[dict[str, Any]]) -> tuple[Column, ...]:
    return tuple(Column(**column) for column in raw)
