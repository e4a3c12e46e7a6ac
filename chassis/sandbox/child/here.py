"""The child's session in the caller's own process: for tests and measurements, never for a stranger's bytes."""

from typing import Any

from .failures import Failure
from .ops import Link, Message
from .session import Session


class Refused(Exception):
    """The session answered with a failure."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class Here(Link):
    """One question, one answer; what is streamed has to come in one piece."""

    def __init__(self) -> None:
        self._session, self._answer = Session(self), tuple[dict[str, Any], list[memoryview]]()

    def ask(self, header: dict[str, Any], *pieces: bytes | memoryview) -> Message:
        """Raises: Refused."""
        self._session.answer(header, [memoryview(piece) for piece in pieces])
        return self._answer

    def tell(self, header: dict[str, Any], *pieces: bytes | memoryview) -> None:
        self._answer = header, [memoryview(piece) for piece in pieces]

    def fail(self, failure: Failure) -> None:
        raise Refused(failure)
