"""A handler that fails as often as it is told to, and a refusal of its own."""

from chassis.errors import Refusal


class Nope(Refusal):
    code = "version-unknown"


class Recorder:
    """A handler that fails as often as it is told to, then notes what it got."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.seen = []

    async def __call__(self, event, delivery) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.seen.append((event, delivery))


def alive() -> bool:
    return True
