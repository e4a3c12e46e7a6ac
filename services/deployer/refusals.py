"""The domain's no becomes the bus's."""

from collections.abc import Generator
from contextlib import contextmanager

from chassis.errors import Refusal
from schemas.unfit_inputs import InputUnfit
from services.deployer.domain.errors import RuleBroken


class NotAllowed(Refusal):
    """A refusal with the domain's code."""

    def __init__(self, broken: RuleBroken | InputUnfit) -> None:
        super().__init__(str(broken), violations=broken.violations)
        self.code = broken.code  # pyright: ignore[reportAttributeAccessIssue]


@contextmanager
def refusing() -> Generator[None]:
    """Turn what the domain forbids into a refusal."""
    try:
        yield
    except (RuleBroken, InputUnfit) as broken:
        raise NotAllowed(broken) from broken
