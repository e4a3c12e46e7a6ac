"""The executor's refusals: what the domain forbids, and what is wrong with an input."""

from collections.abc import Generator
from contextlib import contextmanager

from chassis.errors import ObjectsUnavailable, Refusal
from schemas.refusals import Violation
from schemas.unfit_inputs import InputUnfit
from services.executor.domain.errors import RuleBroken
from services.executor.scoring.errors import ScoringError


class NotAllowed(Refusal):
    """The domain's no, with the domain's code."""

    def __init__(self, broken: RuleBroken | InputUnfit) -> None:
        super().__init__(str(broken), violations=broken.violations)
        self.code = broken.code  # pyright: ignore[reportAttributeAccessIssue]


class InputRefused(Refusal):
    """What lies at the input's address can't be scored; the code is the scoring engine's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message, violations=[Violation(field="input.uri", message=message)])
        self.code = code  # pyright: ignore[reportAttributeAccessIssue]


@contextmanager
def refusing() -> Generator[None]:
    """Turn what the domain forbids, and what the scoring engine finds wrong with an input, into refusals.

    Raises:
        ObjectsUnavailable: nobody could look at the input.
    """
    try:
        yield
    except (RuleBroken, InputUnfit) as broken:
        raise NotAllowed(broken) from broken
    except ScoringError as error:
        if error.retryable:
            raise ObjectsUnavailable(error.message) from error
        raise InputRefused(error.code, error.message) from error
