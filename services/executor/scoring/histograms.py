"""Drift material: a version's bins, fixed by its first run and the same ever after; and what runs count in them."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from chassis.sandbox.child.bins import Bins, Counting, Counts
from chassis.sandbox.output_lines import cleaned
from services.executor.scoring.errors import STORE_AWAY, ScoringError
from services.executor.scoring.job import ModelArtifact, Observation
from services.executor.scoring.objects import RESULTS

BINS: Final = 20
CATEGORIES: Final = 50
COLUMNS: Final = 50
"""Of inputs, and of predictions, at most."""
COUNTED_ROWS: Final = 20_000
"""About so many rows of a run are looked at: enough for twenty bins (a stability index is off by about 0.001)."""
_FORMAT: Final = 1
_LABEL_CHARACTERS: Final = 200


_UNREACHED: Final = STORE_AWAY | {"object-missing", "object-changed", "object-forbidden", "object-unfit"}


class Objects(Protocol):
    """The bucket of results."""

    def get(self, key: str) -> memoryview: ...
    def put_new(self, key: str, data: bytes) -> bool: ...


class BinsUnreadable(Exception):
    """What is stored as a version's bins is none of ours."""


@dataclass(frozen=True)
class VersionBins:
    """A model version's bins: of its inputs and of its predictions."""

    inputs: tuple[Bins, ...]
    predictions: tuple[Bins, ...]

    def to_json(self) -> bytes:
        parts = {"inputs": Counting(self.inputs).to_dict(), "predictions": Counting(self.predictions).to_dict()}
        return json.dumps({"format": _FORMAT, **parts}, sort_keys=True, ensure_ascii=False).encode()

    @classmethod
    def from_json(cls, raw: bytes) -> "VersionBins":
        """Raises: BinsUnreadable."""
        try:
            stored = json.loads(raw)
            if stored["format"] != _FORMAT:
                raise BinsUnreadable(f"format {stored['format']}")
            inputs, predictions = (Counting.from_dict(stored[name]).bins for name in ("inputs", "predictions"))
        except (ValueError, KeyError, TypeError) as error:
            raise BinsUnreadable(str(error)) from error
        return cls(inputs, predictions)


def bins_key(model: ModelArtifact) -> str:
    return f"_drift/{model.id}/{model.version}/bins.json"


def version_bins(
    results: Objects, model: ModelArtifact, sample: Callable[[], VersionBins | None]
) -> tuple[VersionBins | None, str]:
    """The version's bins: those that are stored, else those of `sample` from now on, or of a run that was sooner.

    Returns:
        The bins, and where they are from; or None, and why. Counting must not fail a run: only what `sample` raises is
        raised.
    """
    key = bins_key(model)
    try:
        if stored := _stored(results, key):
            return stored, "an earlier run"
        sampled = sample()
        if sampled is None:
            return None, "the first rows could not be scored"
        results.put_new(key, sampled.to_json())
        # Read back in any case: a put that was repeated after a lost answer finds its own object there.
        return VersionBins.from_json(bytes(results.get(key))), "this run, or one at the same time"
    except BinsUnreadable as error:
        return None, f"s3://{RESULTS}/{key} is unreadable: {error}"
    except ScoringError as error:
        if error.code not in _UNREACHED:
            raise
        return None, error.message


def _stored(results: Objects, key: str) -> VersionBins | None:
    try:
        raw = bytes(results.get(key))
    except ScoringError as error:
        if error.code != "object-missing":
            raise
        return None
    return VersionBins.from_json(raw)


def merged(counts: Sequence[Counts | None]) -> Counts | None:
    """The sum; None where nothing was counted."""
    found = [each for each in counts if each is not None]
    if not found:
        return None
    total = Counts(found[0].counting)
    for each in found:
        total.merge(each)
    return total


def observations(which: str, counts: Counts | None) -> Iterator[Observation]:
    """What travels: `<which>_histogram` by column and bin, and of how many rows. `which`: input or prediction."""
    if counts is None:
        return
    yield Observation(metric=f"{which}_histogram_rows", value=float(counts.rows))
    yield Observation(metric=f"{which}_histogram_every", value=float(counts.counting.every))
    for bins, column in zip(counts.counting.bins, counts.columns, strict=True):
        name = cleaned(bins.name, _LABEL_CHARACTERS) or "_"
        for labels, count in zip(_labels(bins), column, strict=True):
            labelled = {"column": name, **labels}
            yield Observation(metric=f"{which}_histogram", value=float(count), labels=labelled)
        if bins.kind == "text":
            distinct = float(counts.distinct(bins.name))
            yield Observation(metric=f"{which}_distinct", value=distinct, labels={"column": name})


def _labels(bins: Bins) -> Iterator[dict[str, str]]:
    if bins.kind == "number":
        ends = ["-inf", *map(repr, bins.edges), "inf"]
        for place in range(len(bins.edges) + 1):
            yield {"bin": str(place), "low": ends[place], "high": ends[place + 1]}
    elif bins.kind == "category":
        yield from ({"bin": str(place), "value": value} for place, value in enumerate(bins.categories))
        yield {"bin": "other"}
    else:
        yield {"bin": "any"}
    yield {"bin": "null"}
