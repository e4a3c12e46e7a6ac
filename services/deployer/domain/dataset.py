"""A data set as far as a deployment needs to know it, and which of them an input lies under."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from schemas.refusals import Violation
from schemas.signature import Signature
from schemas.values import ALL_MARKETS, InputRef
from services.deployer.domain.columns import converts
from services.deployer.domain.errors import (
    ColumnConflict,
    ColumnMissing,
    ColumnOfWrongType,
    DatasetUnknown,
    FormatMismatch,
)

_BUCKET: Final = "s3://datasets/"
_TEMPLATE: Final = "{{"
_PREDICTION: Final = "prediction"


@dataclass(frozen=True, kw_only=True)
class KnownColumn:
    name: str
    type: str


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
        types = {column.name: column.type for column in self.columns}
        self._ensure_there(types, signature, keep or ())
        self._ensure_convertible(types, signature)
        _ensure_no_conflict(signature, keep or ())

    def _ensure_there(self, types: dict[str, str], signature: Signature, keep: tuple[str, ...]) -> None:
        lacking = [
            Violation(field=f"input.{each.name}", message=f"data set {self.dataset_id} lacks this {each.type} column")
            for each in signature.inputs
            if each.required and each.name not in types
        ] + [
            Violation(field=f"keep.{position}", message=f"data set {self.dataset_id} has no column {name}")
            for position, name in enumerate(keep)
            if name not in types
        ]
        if lacking:
            raise ColumnMissing(f"data set {self.dataset_id} lacks {len(lacking)} columns", violations=lacking)

    def _ensure_convertible(self, types: dict[str, str], signature: Signature) -> None:
        wrong = [
            Violation(field=f"input.{each.name}", message=f"{types[each.name]} does not convert to {each.type}")
            for each in signature.inputs
            if each.name in types and not converts(types[each.name], each.type, text=self.format == "csv")
        ]
        if wrong:
            raise ColumnOfWrongType(f"data set {self.dataset_id} has {len(wrong)} unfit columns", violations=wrong)


def _ensure_no_conflict(signature: Signature, keep: tuple[str, ...]) -> None:
    outputs = {each.name for each in signature.outputs} or {_PREDICTION}
    both = [
        Violation(field=f"keep.{position}", message=f"{name} is one of the model's outputs")
        for position, name in enumerate(keep)
        if name in outputs
    ]
    if both:
        raise ColumnConflict(f"{len(both)} columns would be both kept and predicted", violations=both)


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
        raise DatasetUnknown(f"{uri} lies under no registered data set")
    return max(usable, key=lambda each: (len(each.uri), each.dataset_id))
