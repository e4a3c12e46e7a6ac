"""The executor's refusals: what the domain forbids, and what a data set lacks."""

from collections.abc import Generator
from contextlib import contextmanager

from chassis.errors import Refusal
from schemas.unfit_inputs import InputUnfit
from services.executor.domain.errors import RuleBroken


class NotAllowed(Refusal):
    """The domain's no, with the domain's code."""

    def __init__(self, broken: RuleBroken | InputUnfit) -> None:
        super().__init__(str(broken), violations=broken.violations)
        self.code = broken.code  # pyright: ignore[reportAttributeAccessIssue]


@contextmanager
def refusing() -> Generator[None]:
    """Turn what the domain forbids, and what the data set of an input lacks, into refusals."""
    try:
        yield
    except (RuleBroken, InputUnfit) as broken:
        raise NotAllowed(broken) from broken
