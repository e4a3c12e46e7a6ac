"""What `up` and `down` tell while they work."""

from typing import Protocol


class Report(Protocol):
    """Calls come from several threads."""

    def begin(self, part: str, step: str) -> None:
        """`part` is now doing `step`."""
        ...

    def done(self, part: str, outcome: str, *, seconds: float) -> None: ...

    def fail(self, part: str, reason: str) -> None: ...


class Silence:
    """Tells nothing."""

    def begin(self, part: str, step: str) -> None:
        pass

    def done(self, part: str, outcome: str, *, seconds: float) -> None:
        pass

    def fail(self, part: str, reason: str) -> None:
        pass
