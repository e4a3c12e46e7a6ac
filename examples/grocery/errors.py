"""What ends the demo, each in words for the person who runs it."""

from collections.abc import Sequence


class DemoError(Exception):
    """Said in one line; exit code 1."""


class StackDownError(DemoError):
    def __init__(self, reason: str) -> None:
        super().__init__(f"{reason}; start the stack with `make up`, then run this again")


class RefusalError(DemoError):
    """The platform refused a request; `violations` are (field, message) pairs."""

    def __init__(self, request: str, *, code: str, message: str, violations: Sequence[tuple[str, str]]) -> None:
        super().__init__(f"{request} was refused: {code}: {message}")
        self.code = code
        self.violations = violations
