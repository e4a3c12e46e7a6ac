"""The first rows of an input, read without reading it all, and parsed in a sandbox."""

import time
from dataclasses import dataclass
from typing import Any, Final

from chassis.sandbox.child.packing import texts_of, whole_numbers
from chassis.sandbox.errors import ChildDied, ChildFailed, ChildGarbled, SandboxTrialLost, SandboxUnavailable
from chassis.sandbox.process import ChildProcess
from chassis.sandbox.settings import SandboxSettings
from chassis.settings import S3Settings
from services.executor.scoring.errors import ScoringError
from services.executor.scoring.job import InputObject
from services.executor.scoring.listing import InputFormat, freeze_input
from services.executor.scoring.objects import DATASETS, Bucket
from services.executor.scoring.reading import Answer, until_answered

_MOST_COLUMNS: Final = 20_000
_MOST_BYTES: Final = 256 << 20

Row = tuple[str | None, ...]


@dataclass(frozen=True)
class Preview:
    """Columns' names and types, and rows of them, as text."""

    columns: tuple[tuple[str, str], ...]
    rows: tuple[Row, ...]


def preview(
    settings: S3Settings, sandbox: SandboxSettings, uri: str, data_format: InputFormat, *, rows: int = 20
) -> Preview:
    """The first `rows` rows of the input's first objects. Later objects' own columns don't show.

    Raises:
        ScoringError: `input-…`, `address-refused`, `store-unavailable` or `sandbox-unavailable`.
    """
    bucket, found = Bucket(settings, DATASETS), list[Preview]()
    looking = Looking(bucket, sandbox, time.monotonic() + sandbox.look_s)
    for source in freeze_input(settings, uri, data_format):
        found.append(looking.at(source, data_format, rows - sum(len(each.rows) for each in found)))
        if sum(len(each.rows) for each in found) >= rows:
            break
    columns = dict(column for each in reversed(found) for column in each.columns)
    names = list(columns)
    return Preview(
        tuple(columns.items()),
        tuple(
            tuple(dict(zip(dict(each.columns), row, strict=True)).get(name) for name in names)
            for each in found
            for row in each.rows
        ),
    )


@dataclass(frozen=True)
class Looking:
    """At one object after another, each in a child of its own. `until`: when it has to be over, as `time.monotonic`."""

    bucket: Bucket
    sandbox: SandboxSettings
    until: float

    def at(self, source: InputObject, data_format: InputFormat, rows: int) -> Preview:
        """Raises: ScoringError."""
        content_type = self.bucket.beginning(source, 1)[1] if source.size_bytes else None
        question = {
            "op": "preview",
            "format": data_format,
            "key": source.key,
            "size_bytes": source.size_bytes,
            "content_type": content_type,
            "rows": rows,
        }
        try:
            child = ChildProcess(self.sandbox, None, lambda _: None, within_s=self._left_s(source))
            try:
                child.ask(question)
                return self._answered(child, source, rows)
            finally:
                child.close()
        except (SandboxUnavailable, SandboxTrialLost) as error:
            raise ScoringError(error.code, str(error), detail=error.detail) from error
        except ChildFailed as failed:
            raise ScoringError(failed.code, str(failed)) from failed
        except ChildDied as died:
            raise ScoringError("input-corrupt", f"{source.key} can't be read: its reader ended ({died})") from died
        except (ChildGarbled, ValueError, TypeError, LookupError) as error:
            raise ScoringError("input-corrupt", f"{source.key} can't be read: its reader ended") from error

    def _answered(self, child: ChildProcess, source: InputObject, rows: int) -> Preview:
        def ask(header: dict[str, Any], *pieces: bytes | memoryview) -> Answer:
            self._left_s(source)
            child.ask(header, *map(memoryview, pieces))
            return child.answer()

        _, pieces = until_answered(ask, child.answer(), self.bucket, source, at_most=_MOST_BYTES)
        return _preview(pieces, rows)

    def _left_s(self, source: InputObject) -> float:
        """Raises: ScoringError: none. It is the store's doing: a child that is slow is ended."""
        left_s = self.until - time.monotonic()
        if left_s <= 0:
            text = f"{source.key}: it was not to be had within {self.sandbox.look_s:.0f} s (MLP_SANDBOX_LOOK_S)"
            raise ScoringError("store-unavailable", text)
        return left_s


def _preview(pieces: list[memoryview], rows: int) -> Preview:
    names = texts_of(pieces[0], at_most=2 * _MOST_COLUMNS)
    columns = tuple(zip(*[iter(names)] * 2, strict=True))
    cells: list[str | None] = [*texts_of(pieces[1], at_most=rows * max(len(columns), 1))]
    for place in whole_numbers(pieces[2]):
        cells[place] = None
    return Preview(columns, tuple(zip(*[iter(cells)] * len(columns), strict=True)) if columns else ())
