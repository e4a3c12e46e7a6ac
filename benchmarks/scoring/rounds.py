"""Rounds: everybody scores the same, one after another, each round in another order."""

import functools
from dataclasses import dataclass, field
from statistics import median
from typing import Final

from benchmarks.scoring.agreement import called_directly, ensure_same, read_scores
from benchmarks.scoring.calm import Calm
from benchmarks.scoring.cases import Case
from benchmarks.scoring.contender import Contender, forget_outputs
from benchmarks.scoring.environment import settings_of
from examples.grocery.stack import ObjectStorage
from services.executor.scoring.objects import DATASETS, RESULTS, Bucket

_LONG: Final = 10_000_000
"""Rows. Of so many one round is enough, which takes minutes itself."""


@dataclass(frozen=True)
class Times:
    """Seconds of each contender in one case, round by round."""

    case: Case
    seconds: dict[str, list[float]] = field(default_factory=dict[str, list[float]])

    def rate(self, name: str) -> float:
        """Rows a second, the median."""
        return self.case.data.rows / median(self.seconds[name])


async def play(
    case: Case, contenders: tuple[Contender, ...], *, calm: Calm, first: bool, rounds: int, storage: ObjectStorage
) -> Times:
    """Rounds that warm, the last one's scores compared; then those that count. Raises: Disagreement.

    `first`: not all have scored anything yet. Later cases warm their models alone.
    """
    s3 = settings_of(storage)
    results, times = Bucket(s3, RESULTS), Times(case)
    for each in contenders if first else ():
        await each.score(case)
    scores = {each.name: read_scores(case, (await each.score(case)).keys, results) for each in contenders}
    ensure_same(case, scores, called_directly(case, Bucket(s3, DATASETS)))
    for number in range(rounds if case.data.rows < _LONG else 1):
        turn = number % len(contenders)
        for each in (*contenders[turn:], *contenders[:turn]):
            scored = await calm.measured(functools.partial(each.score, case))
            times.seconds.setdefault(each.name, []).append(scored.seconds)
            print(f"{case.name}, {each.name}: {scored.seconds:.2f} s")
        forget_outputs(storage)
    return times
