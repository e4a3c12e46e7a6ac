"""What `up` and `down` tell while they work."""

from typing import Protocol


class Report(Protocol):
    """Calls come from several threads."""

    def begin(self, part: str, step: str) -> None:
        """`part` is now doing `step`."""
        ...

    def done(self, part: str, outcome: str, *, seconds: float) -> None: ...

    def fail(self, part: str, reason: str) -> None: ...

    def note(self, part: str, message: str) -> None:
        """Something that a person who waits wants to know, such as why it takes long."""
        ...

    def interrupted(self) -> None:
        """May be told again; what fails from now on fails because of it."""
        ...


class Silence:
    """Tells nothing."""

    def begin(self, part: str, step: str) -> None:
        pass

    def done(self, part: str, outcome: str, *, seconds: float) -> None:
        pass

    def fail(self, part: str, reason: str) -> None:
        pass

    def note(self, part: str, message: str) -> None:
        pass

    def interrupted(self) -> None:
        pass
