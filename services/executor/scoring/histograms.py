"""Drift material: a version's bins, fixed by its first run and the same ever after; and what runs count in them."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import pyarrow as pa

from chassis.sandbox.child.conversion import ARROW_TYPES
from chassis.sandbox.child.counting import SKETCH, Bins, Counting, Counts, bins_of
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
_MAX_ANSWER_BYTES: Final = 4 << 20
_LABEL_CHARACTERS: Final = 200


_UNREACHED: Final = STORE_AWAY | {"object-missing"}


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


def sampled_bins(columns: Sequence[tuple[str, pa.Array]]) -> tuple[Bins, ...]:
    """Bins that suit a sample. Columns past the limit, and of types that aren't counted, have none."""
    made = (bins_of(name, values, bins=BINS, categories=CATEGORIES) for name, values in columns[:COLUMNS])
    return tuple(each for each in made if each is not None)


def counting_of(bins: Sequence[Bins], schema: pa.Schema, *, every: int) -> Counting | None:
    """How columns of these types are counted: those that have fitting bins. None where none has."""
    chosen = [each for each in bins if each.name in schema.names and _fits(each, schema.field(each.name).type)]
    return Counting(tuple(chosen), every) if chosen else None


def inputs_schema(model: ModelArtifact) -> pa.Schema:
    return pa.schema([(field.name, ARROW_TYPES[field.type]) for field in model.signature.inputs])


def _fits(bins: Bins, kind: pa.DataType) -> bool:
    if bins.kind == "number":
        return pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_timestamp(kind)
    return pa.types.is_string(kind) or pa.types.is_boolean(kind) or (bins.kind == "text" and pa.types.is_binary(kind))


def checked_counts(raw: memoryview, counting: Counting | None, rows: int) -> Counts | None:
    """What a model's own process says it has counted, of `rows` rows at most.

    Raises:
        ValueError: it can't be that.
    """
    if raw.nbytes > _MAX_ANSWER_BYTES:
        raise ValueError("its counts are too large")
    try:
        said = json.loads(bytes(raw))
    except RecursionError as error:
        raise ValueError("its counts are no counts") from error
    if counting is None or said is None:
        if (counting is None) != (said is None):
            raise ValueError("it counted what was not asked for, or did not count")
        return None
    looked_at = _whole(said["rows"], rows)
    if counting.every == 1 and looked_at != rows:
        raise ValueError(f"it counted {looked_at} of {rows} rows")
    sizes = [bins.size for bins in counting.bins]
    columns = [[_whole(count, looked_at) for count in column] for column in said["columns"]]
    if [len(column) for column in columns] != sizes or any(sum(column) != looked_at for column in columns):
        raise ValueError("its counts don't add up")
    return Counts(
        counting, looked_at, [np.array(column, np.int64) for column in columns], _sketches(said["sketches"], counting)
    )


def _sketches(said: Any, counting: Counting) -> dict[str, list[int]]:
    texts = {bins.name for bins in counting.bins if bins.kind == "text"}
    if not isinstance(said, dict):
        raise TypeError("its sketches are none")
    sketches = {str(name): [_whole(each, 2**64 - 1) for each in hashes] for name, hashes in said.items()}
    if not sketches.keys() <= texts:
        raise ValueError("it sketched what is no text")
    if any(len(hashes) > SKETCH or hashes != sorted(set(hashes)) for hashes in sketches.values()):
        raise ValueError("its sketches are none")
    return sketches


def _whole(value: Any, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise ValueError(f"{str(value)[:40]} is no count")
    return value


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
        for labels, count in zip(_labels(bins), column.tolist(), strict=True):
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
