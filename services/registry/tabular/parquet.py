"""Parquet: a file's schema and its exact number of rows stand in its footer, and nothing else is read."""

from collections.abc import Sequence
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from services.registry.tabular.part import Part, Read, Unreadable

_MAGIC: Final = b"PAR1"
_TRAILER_BYTES: Final = 8
_FIRST_READ_BYTES: Final = 64 * 1024
_MAX_FOOTER_BYTES: Final = 64 * 1024 * 1024


async def footer(read: Read, size_bytes: int) -> bytes:
    """The footer with its trailer: one ranged read, or two.

    Raises:
        Unreadable: it has none, as parquet files do.
    """
    tail = await read(max(size_bytes - _FIRST_READ_BYTES, 0), min(_FIRST_READ_BYTES, size_bytes))
    if len(tail) < _TRAILER_BYTES or not tail.endswith(_MAGIC):
        raise Unreadable("it is no parquet file, or has been cut off")
    needed = int.from_bytes(tail[-_TRAILER_BYTES:-4], "little") + _TRAILER_BYTES
    if needed > min(size_bytes, _MAX_FOOTER_BYTES):
        raise Unreadable("its footer is longer than the file, or than 64 MB")
    return tail[-needed:] if needed <= len(tail) else await read(size_bytes - needed, needed)


def part(data: bytes) -> Part:
    """What a footer says.

    Raises:
        Unreadable: it says nothing that can be understood.
    """
    try:
        metadata = pq.read_metadata(pa.BufferReader(data))
        schema = metadata.schema.to_arrow_schema().remove_metadata()
        return Part(schema, metadata.num_rows)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise Unreadable(f"its footer can't be read: {error}"[:500]) from error


def agree(one: pa.Schema, other: pa.Schema) -> bool:
    """Whether two files are of one data set: columns may have come or gone, and numbers have grown wider, with time."""
    names = set(one.names), set(other.names)
    if not (names[0] <= names[1] or names[0] >= names[1]):
        return False
    try:
        joined([one, other])
    except pa.ArrowException:
        return False
    return True


def joined(schemas: Sequence[pa.Schema]) -> pa.Schema:
    """The columns of all files, as they came; nullable where a file lacks one. Raises: ArrowException."""
    distinct = list(dict.fromkeys(schemas))
    merged = pa.unify_schemas(distinct, promote_options="permissive")
    everywhere = set(merged.names).intersection(*(schema.names for schema in distinct))
    return pa.schema([field if field.name in everywhere else field.with_nullable(True) for field in merged])
