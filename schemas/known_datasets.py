"""Registered data sets as those know them who take inputs, and which of them an input lies under."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import TypeAdapter

from schemas.columns import converts
from schemas.datasets import DatasetRegistered, DatasetRetired
from schemas.event import Event
from schemas.refusals import Violation
from schemas.signature import Signature
from schemas.unfit_inputs import (
    ColumnConflict,
    ColumnMissing,
    ColumnOfWrongType,
    DatasetUnknown,
    FormatMismatch,
    columns_named,
)
from schemas.values import ALL_MARKETS, InputRef

_BUCKET: Final = "s3://datasets/"
_TEMPLATE: Final = "{{"
_PREDICTION: Final = "prediction"
_REASONS: Final = 3

Fields = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class KnownColumn:
    """`folder`: folders say its values, as texts."""

    name: str
    type: str
    folder: bool = False


@dataclass(frozen=True, kw_only=True)
class KnownDataset:
    """What the registry's facts said of a data set."""

    dataset_id: str
    uri: str
    format: str
    markets: tuple[str, ...]
    columns: tuple[KnownColumn, ...]
    retired: bool = False

    def is_read_by(self, markets: Iterable[str]) -> bool:
        """Whether somebody with these markets may read it: any in common will do."""
        theirs = frozenset(markets)
        return ALL_MARKETS in theirs or ALL_MARKETS in self.markets or not theirs.isdisjoint(self.markets)

    def ensure_fits(self, given: InputRef, signature: Signature, keep: tuple[str, ...] | None) -> None:
        """Raises: FormatMismatch, ColumnMissing, ColumnOfWrongType, ColumnConflict."""
        if given.format != self.format:
            raise FormatMismatch(f"data set {self.dataset_id} is {self.format}, not {given.format}")
        columns = {column.name: column for column in self.columns}
        self._ensure_there(columns, signature, keep or ())
        self._ensure_convertible(columns, signature)
        _ensure_no_conflict(signature, keep or ())

    def _ensure_there(self, columns: Collection[str], signature: Signature, keep: tuple[str, ...]) -> None:
        needed = {each.name: f"input.{each.name}" for each in signature.inputs if each.required}
        needed |= {name: f"keep.{position}" for position, name in enumerate(keep) if name not in needed}
        lacking = {name: field for name, field in needed.items() if name not in columns}
        if lacking:
            message = f"the input lacks the {columns_named(list(lacking))} (data set {self.dataset_id})"
            raise ColumnMissing(
                message,
                violations=[
                    Violation(field=field, message=f"the input lacks the column {name}")
                    for name, field in lacking.items()
                ],
            )

    def _ensure_convertible(self, columns: Mapping[str, KnownColumn], signature: Signature) -> None:
        wrong = {
            each.name: f"{column.type} does not convert to {each.type}"
            for each in signature.inputs
            if (column := columns.get(each.name))
            and not converts(column.type, each.type, text=column.folder or self.format == "csv")
        }
        if wrong:
            reasons = "; ".join([*dict.fromkeys(wrong.values())][:_REASONS])
            raise ColumnOfWrongType(
                f"the input's {columns_named(list(wrong))} can't be what the model takes"
                f" (data set {self.dataset_id}): {reasons}",
                violations=[Violation(field=f"input.{name}", message=reason) for name, reason in wrong.items()],
            )


def _ensure_no_conflict(signature: Signature, keep: tuple[str, ...]) -> None:
    outputs = {each.name for each in signature.outputs} or {_PREDICTION}
    both = {f"keep.{position}": name for position, name in enumerate(keep) if name in outputs}
    if both:
        raise ColumnConflict(
            f"the {columns_named(list(both.values()))} would be both kept and predicted",
            violations=[
                Violation(field=field, message=f"{name} is one of the model's outputs") for field, name in both.items()
            ],
        )


def places(uri: str) -> tuple[str, ...]:
    """Where a data set can lie that `uri` lies under; of a template only what stands before it counts."""
    literal, template, _ = uri.partition(_TEMPLATE)
    inner = literal.removeprefix(_BUCKET)
    prefixes = [_BUCKET + inner[: at + 1] for at, char in enumerate(inner) if char == "/"]
    return tuple(dict.fromkeys([*prefixes, *([] if template else [literal])]))


def narrowest(datasets: Iterable[KnownDataset], uri: str, *, markets: Iterable[str]) -> KnownDataset:
    """The one of `datasets`, all of which hold `uri`, that is closest to it and may be read with `markets`.

    Raises: DatasetUnknown.
    """
    theirs = frozenset(markets)
    usable = [each for each in datasets if not each.retired and each.is_read_by(theirs)]
    if not usable:
        raise DatasetUnknown(
            f"{uri} lies under no registered data set that may be read here:"
            " register one that holds it first, with DatasetRegistrationRequested"
        )
    return max(usable, key=lambda each: (len(each.uri), each.dataset_id))


_DATASET: Final = TypeAdapter(KnownDataset)


def fold_dataset(known: Fields, fact: Event) -> Fields:
    """A replica's fields of a data set after one more fact."""
    match fact:
        case DatasetRegistered():
            dataset = KnownDataset(
                dataset_id=fact.dataset_id,
                uri=fact.uri,
                format=fact.format,
                markets=fact.markets,
                columns=tuple(
                    KnownColumn(name=each.name, type=each.type, folder=bool(each.folder)) for each in fact.columns
                ),
            )
            return _DATASET.dump_python(dataset)
        case DatasetRetired():
            return {**known, "retired": True}
        case _:
            return known


def read_dataset(fields: Mapping[str, Any]) -> KnownDataset:
    """What `fold_dataset` made; a replica's own fields, which begin with `_`, are left out."""
    return _DATASET.validate_python({name: value for name, value in fields.items() if not name.startswith("_")})
