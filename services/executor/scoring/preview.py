"""The first rows of an input, read without reading it all, and parsed in a sandbox."""

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
    for source in freeze_input(settings, uri, data_format):
        found.append(_of_object(bucket, source, sandbox, data_format, rows - sum(len(each.rows) for each in found)))
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


def _of_object(
    bucket: Bucket, source: InputObject, sandbox: SandboxSettings, data_format: InputFormat, rows: int
) -> Preview:
    content_type = bucket.beginning(source, 1)[1] if source.size_bytes else None
    question = {
        "op": "preview",
        "format": data_format,
        "key": source.key,
        "size_bytes": source.size_bytes,
        "content_type": content_type,
        "rows": rows,
    }
    try:
        child = ChildProcess(sandbox, None, lambda _: None)
        try:
            child.ask(question)
            return _answered(child, bucket, source, rows)
        finally:
            child.close()
    except (SandboxUnavailable, SandboxTrialLost) as error:
        raise ScoringError(error.code, str(error), detail=error.detail) from error
    except ChildFailed as failed:
        raise ScoringError(failed.code, str(failed)) from failed
    except (ChildDied, ChildGarbled, ValueError, TypeError, LookupError) as error:
        raise ScoringError("input-corrupt", f"{source.key} can't be read: its reader ended") from error


def _answered(child: ChildProcess, bucket: Bucket, source: InputObject, rows: int) -> Preview:
    def ask(header: dict[str, Any], *pieces: bytes | memoryview) -> Answer:
        child.ask(header, *map(memoryview, pieces))
        return child.answer()

    _, pieces = until_answered(ask, child.answer(), bucket, source, at_most=_MOST_BYTES)
    return _preview(pieces, rows)


def _preview(pieces: list[memoryview], rows: int) -> Preview:
    names = texts_of(pieces[0], at_most=2 * _MOST_COLUMNS)
    columns = tuple(zip(*[iter(names)] * 2, strict=True))
    cells: list[str | None] = [*texts_of(pieces[1], at_most=rows * max(len(columns), 1))]
    for place in whole_numbers(pieces[2]):
        cells[place] = None
    return Preview(columns, tuple(zip(*[iter(cells)] * len(columns), strict=True)) if columns else ())
