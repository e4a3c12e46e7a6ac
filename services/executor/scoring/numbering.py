"""Rejected rows of ranges whose records nobody had counted, numbered on from those that stand before them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from services.executor.scoring.job import ScoringJob
from services.executor.scoring.objects import RESULTS, Bucket
from services.executor.scoring.settings import ScoringSettings
from services.executor.scoring.task import Part, SplitResult, store_part, through_losses
from services.executor.scoring.warm_sessions import warm_session


@dataclass(frozen=True)
class Unnumbered:
    """A stored part of a split's rejected rows, and how many records of their object stand before its range."""

    split: int
    part: Part
    before: int


def unnumbered(results: Sequence[SplitResult], before: Mapping[int, int]) -> list[Unnumbered]:
    return [
        Unnumbered(result.split, part, shift)
        for result in results
        if (shift := before.get(result.split, 0))
        for part in result.rejected
    ]


def number_on(job: ScoringJob, settings: ScoringSettings, item: Unnumbered) -> Part:
    """Runs in a Spark Python worker; the part that it replaces stays.

    Raises:
        ScoringError: `store-unavailable`, `object-…`, or what the model's process ends with.
    """
    session = warm_session(job, settings).session
    session.begin_job(job, lambda _: None)
    session.mount()
    results = Bucket(settings.s3, RESULTS)
    raw = results.get(item.part.key)
    numbered = through_losses(
        lambda: session.number(raw, before=item.before, rows=item.part.rows), "the process that numbers rejected rows"
    )
    return store_part(job, results, item.split, numbered)


def with_numbered(
    results: Sequence[SplitResult], items: Sequence[Unnumbered], parts: Sequence[Part]
) -> list[SplitResult]:
    """The results, with these parts in place of those."""
    instead = {item.part.key: part for item, part in zip(items, parts, strict=True)}
    return [replace(one, rejected=[instead.get(part.key, part) for part in one.rejected]) for one in results]
