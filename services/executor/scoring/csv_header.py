"""A CSV object's first line: its delimiter and its columns."""

from collections.abc import Sequence

from chassis.sandbox.child.csv_dialect import (
    DELIMITERS,
    CsvDialect,
    HeaderUnreadable,
    beginning,
    charset_of,
    read_header,
)
from services.executor.scoring.errors import ScoringError
from services.executor.scoring.job import InputObject
from services.executor.scoring.objects import Bucket
from services.executor.scoring.splits import CsvObject

_HEAD_BYTES = 256 * 1024


def read_dialect(bucket: Bucket, source: InputObject, known: Sequence[str]) -> CsvObject:
    """The object's dialect. `known` are column names of which the right delimiter finds the most.

    Raises:
        ScoringError: `input-corrupt` where there is no header line, `input-changed`, `input-missing`.
    """
    if not source.size_bytes:
        return CsvObject(source, CsvDialect(DELIMITERS[0], ()))
    raw, content_type = bucket.beginning(source, min(_HEAD_BYTES, source.size_bytes))
    try:
        charset = charset_of(content_type)
        header = read_header(_with_whole_line(beginning(bytes(raw), _HEAD_BYTES, charset)), known)
    except HeaderUnreadable as error:
        raise ScoringError("input-corrupt", f"{source.key}: {error}") from error
    return CsvObject(source, CsvDialect(header.delimiter, header.names, charset))


def _with_whole_line(head: bytes) -> bytes:
    if b"\n" not in head and len(head) >= _HEAD_BYTES:
        raise HeaderUnreadable(f"no header line within {_HEAD_BYTES} bytes")
    return head
