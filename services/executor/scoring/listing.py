"""Freezes an input: the objects that all attempts of an execution will read, and no others."""

from typing import Literal

from chassis.settings import S3Settings
from services.executor.scoring.errors import ScoringError
from services.executor.scoring.job import InputObject
from services.executor.scoring.objects import DATASETS, Bucket, parse_uri

InputFormat = Literal["parquet", "csv"]
SUFFIXES: dict[InputFormat, tuple[str, ...]] = {
    "parquet": (".parquet", ".pq", ".parq"),
    "csv": tuple(name + packed for name in (".csv", ".tsv", ".txt") for packed in ("", ".gz", ".bz2", ".zst", ".lz4")),
}


def freeze_input(settings: S3Settings, uri: str, format: InputFormat) -> tuple[InputObject, ...]:  # noqa: A002
    """The input's objects, sorted by key.

    An address that is an object is that object, whatever its name. Under a prefix, hidden files and markers
    (`_SUCCESS`, `.crc`) and empty CSV objects are left out.

    Raises:
        ScoringError: `input-empty`, `input-format` (only other kinds of files lie there), `address-refused`
            or `store-unavailable`.
    """
    bucket = Bucket(settings, DATASETS)
    key = parse_uri(uri, bucket=DATASETS)
    found = _single(bucket, key) or sorted(_under(bucket, key), key=lambda item: item.key)
    objects = [item for item in found if item.size_bytes or format == "parquet"]
    if not objects:
        raise ScoringError("input-empty", f"{uri} holds nothing to score")
    if len(found) > 1 or found[0].key != key:
        objects = _of_format(objects, format, uri)
    return tuple(objects)


def _single(bucket: Bucket, key: str) -> list[InputObject]:
    found = bucket.head(key) if key and not key.endswith("/") else None
    return [found] if found else []


def _under(bucket: Bucket, prefix: str) -> list[InputObject]:
    folder = prefix.rstrip("/") + "/" if prefix.strip("/") else ""
    return [item for item in bucket.list(folder) if item.key.startswith(folder) and _visible(item.key[len(folder) :])]


def _visible(path: str) -> bool:
    return bool(path) and not any(name.startswith(("_", ".")) for name in path.split("/") if "=" not in name)


def _of_format(objects: list[InputObject], format: InputFormat, uri: str) -> list[InputObject]:  # noqa: A002
    """Those named like the format; if none has a telling name, all of them."""
    others = tuple(s for name, suffixes in SUFFIXES.items() if name != format for s in suffixes)
    chosen = [item for item in objects if not item.key.lower().endswith(others)]
    if not chosen:
        raise ScoringError("input-format", f"{uri} holds no {format} file, but {objects[0].key}")
    return chosen
