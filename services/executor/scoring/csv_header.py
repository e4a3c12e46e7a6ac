"""A CSV object's first line: its delimiter and its columns."""

import csv
import zlib
from collections.abc import Sequence

from services.executor.scoring.errors import ScoringError
from services.executor.scoring.job import InputObject
from services.executor.scoring.objects import Bucket
from services.executor.scoring.splits import CsvObject

DELIMITERS = (",", ";", "\t", "|")
GZIP_MAGIC = b"\x1f\x8b"
BOM = b"\xef\xbb\xbf"
_HEAD_BYTES = 256 * 1024


def read_header(bucket: Bucket, source: InputObject, known: Sequence[str]) -> CsvObject:
    """The object's dialect. `known` are column names of which the right delimiter finds the most.

    Raises:
        ScoringError: `input-corrupt` where there is no header line, `input-changed`, `input-missing`.
    """
    if not source.size_bytes:
        return CsvObject(source, DELIMITERS[0], ())
    line = _first_line(source, bytes(bucket.get_range(source, 0, min(_HEAD_BYTES, source.size_bytes))))
    candidates = {delimiter: _names(source, line, delimiter) for delimiter in DELIMITERS}
    best = max(DELIMITERS, key=lambda one: (len(set(known) & set(candidates[one])), len(candidates[one])))
    return CsvObject(source, best, candidates[best])


def _first_line(source: InputObject, head: bytes) -> str:
    if head.startswith(GZIP_MAGIC):
        try:
            head = zlib.decompressobj(wbits=31).decompress(head, _HEAD_BYTES)
        except zlib.error as error:
            raise ScoringError("input-corrupt", f"{source.key} is no readable gzip file: {error}") from error
    line, newline, _ = head.removeprefix(BOM).partition(b"\n")
    if not newline and len(head) >= _HEAD_BYTES:
        raise ScoringError("input-corrupt", f"{source.key} has no header line within {_HEAD_BYTES} bytes")
    try:
        return line.rstrip(b"\r").decode()
    except UnicodeDecodeError as error:
        raise ScoringError("input-corrupt", f"{source.key}: the header line is not UTF-8") from error


def _names(source: InputObject, line: str, delimiter: str) -> tuple[str, ...]:
    try:
        return tuple(next(csv.reader([line], delimiter=delimiter), []))
    except csv.Error as error:
        raise ScoringError("input-corrupt", f"{source.key}: unreadable header line: {error}") from error
