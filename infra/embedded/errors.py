"""What goes wrong with the stack, said so that a person can act on it."""


class StackError(Exception):
    """`part` can't be had; `problem` says why and `remedy` what to do about it."""

    def __init__(self, part: str, problem: str, *, remedy: str) -> None:
        super().__init__(f"{part}: {problem}; {remedy}")
        self.part, self.problem, self.remedy = part, problem, remedy


class NotReady(Exception):
    """A probe didn't succeed yet; trying again may help."""


class StopInterrupted(KeyboardInterrupt):
    """The stack was being stopped, and some of it may still run."""

    def __init__(self) -> None:
        super().__init__("interrupted while stopping; `make down` finishes it")
