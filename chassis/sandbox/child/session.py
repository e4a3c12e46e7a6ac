"""What the child is asked, one message after another, and how each ends: with what was found, or what is wrong."""

from typing import Any

from .dataset_ops import DatasetOps
from .failures import failure_of
from .inspection_ops import InspectionOps
from .numbering_ops import NumberingOps
from .ops import Link
from .planning_ops import PlanningOps
from .preview_ops import PreviewOps
from .range_ops import RangeOps
from .scoring_ops import ScoringOps


class Session:
    """Answers each message once, in order."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._ops = {
            **DatasetOps(link).ops,
            **InspectionOps(link).ops,
            **NumberingOps(link).ops,
            **PlanningOps(link).ops,
            **PreviewOps(link).ops,
            **RangeOps(link).ops,
            **ScoringOps(link).ops,
        }

    def answer(self, header: dict[str, Any], pieces: list[memoryview]) -> None:
        """Do what is asked. Raises what ends the child: `EOFError`, `TimeoutError`, `BrokenPipeError`."""
        try:
            self._ops[header["op"]](header, pieces)
        except (EOFError, TimeoutError, BrokenPipeError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever a pickle or a library raises
            self._link.fail(failure_of(error, header))
