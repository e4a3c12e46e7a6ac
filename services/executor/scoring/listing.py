"""Freezes an input: the objects that all attempts of an execution will read, and no others."""

import asyncio
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final, Literal

from chassis.errors import ObjectsUnavailable
from chassis.object_errors import ObjectForbidden, ObjectMissing, ObjectUnfit
from chassis.object_search import Found, Objects, check_names, find, is_data
from chassis.objects import Location, ObjectInfo
from chassis.objects import Objects as ObjectStore
from chassis.settings import S3Settings
from services.executor.scoring.errors import ScoringError
from services.executor.scoring.job import InputObject
from services.executor.scoring.objects import DATASETS, parse_uri

InputFormat = Literal["parquet", "csv"]
SUFFIXES: dict[InputFormat, tuple[str, ...]] = {
    "parquet": (".parquet", ".pq", ".parq"),
    "csv": tuple(name + packed for name in (".csv", ".tsv", ".txt") for packed in ("", ".gz", ".bz2", ".zst", ".lz4")),
}
_MAX_OBJECTS: Final = 10_000


async def listed(objects: Objects, uri: str, data_format: InputFormat, *, at_most: int) -> tuple[InputObject, ...]:
    """The input's objects, sorted by key.

    An address that is an object is that object, whatever its name. Under a prefix, hidden files and markers
    (`_SUCCESS`, `.crc`) and empty CSV objects are left out; folders such as `month=01` or `_month=01` are not hidden.

    Raises:
        ScoringError: `input-empty`, `input-format` (only other kinds of files lie there), `input-too-many-objects`,
            `input-forbidden`, `input-unfit`, `address-refused` or `store-unavailable`.
    """
    key = parse_uri(uri, bucket=DATASETS)
    with _telling(uri):
        found = await find(objects, Location(DATASETS, key), at_most=at_most, wanted=is_data)
        if not found.is_all:
            raise ScoringError("input-too-many-objects", f"{uri} holds more than {at_most} objects")
        check_names(found)
    return tuple(_input_object(info) for info in _chosen(found, data_format, uri))


def freeze_input(
    settings: S3Settings, uri: str, data_format: InputFormat, *, at_most: int = _MAX_OBJECTS
) -> tuple[InputObject, ...]:
    """`listed`, for who has no event loop, or is busy in one."""

    async def freeze() -> tuple[InputObject, ...]:
        async with ObjectStore(settings) as objects:
            return await listed(objects, uri, data_format, at_most=at_most)

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, freeze()).result()


def _input_object(info: ObjectInfo) -> InputObject:
    return InputObject(key=info.location.key, etag=f'"{info.etag}"', size_bytes=info.size_bytes)


def _chosen(found: Found, data_format: InputFormat, uri: str) -> list[ObjectInfo]:
    objects = [info for info in found.files.values() if info.size_bytes or data_format == "parquet"]
    if not objects:
        raise ScoringError("input-empty", f"{uri} holds nothing to score")
    return _of_format(objects, data_format, uri) if found.is_directory else objects


def _of_format(objects: list[ObjectInfo], data_format: InputFormat, uri: str) -> list[ObjectInfo]:
    """Those named like the format; if none has a telling name, all of them."""
    others = tuple(s for name, suffixes in SUFFIXES.items() if name != data_format for s in suffixes)
    chosen = [info for info in objects if not info.location.key.lower().endswith(others)]
    if not chosen:
        raise ScoringError("input-format", f"{uri} holds no {data_format} file, but {objects[0].location.key}")
    return chosen


@contextmanager
def _telling(uri: str) -> Generator[None]:
    try:
        yield
    except ObjectMissing as error:
        raise ScoringError("input-empty", f"there is no longer anything at {uri}") from error
    except ObjectForbidden as error:
        raise ScoringError("input-forbidden", f"the store doesn't let the executor read {error}") from error
    except ObjectUnfit as error:
        raise ScoringError("input-unfit", f"the store doesn't give {error}") from error
    except ObjectsUnavailable as error:
        raise ScoringError("store-unavailable", str(error)) from error
