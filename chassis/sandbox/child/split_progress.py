"""How far a split has come: what the child tells of it, and its parent reads."""

from dataclasses import dataclass


@dataclass
class SplitProgress:
    """Since it was last told. Seconds are the child's own."""

    rows: int = 0
    accepted: int = 0
    rejected: int = 0
    score_s: float = 0.0
    count_s: float = 0.0
    write_s: float = 0.0
