"""A CSV's columns: names from its header line, types as its first rows have them; rows aren't counted."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from .compute import pc
from .conversion import ARROW_TYPES
from .csv_dialect import BOM, CsvDialect, HeaderUnreadable, beginning, charset_of, header_of
from .csv_quotes import Quotes
from .csv_records import CsvReader
from .csv_text import CsvUnreadable
from .described import Described, SchemasDiffer, SchemaUnreadable, ensure_usable
from .text import parse_text

BLOCK_BYTES: Final = 1024 * 1024
_LOOKED_AT_FIRST: Final = 64
_WHOLE: Final = r"^\s*[+-]?[0-9]+\s*$"


@dataclass(frozen=True)
class CsvSchema:
    """`types` are signatures'; None where there is nothing but nulls."""

    names: tuple[str, ...]
    types: tuple[str | None, ...]


def read_beginning(head: bytes, *, whole: bool, content_type: str | None) -> CsvSchema:
    """What the first rows of an object say. Lines that are no rows are set aside, as they are when it is scored.

    Args:
        head: its first bytes.
        whole: they are all of it.
        content_type: the object's, which may name a charset.

    Raises:
        SchemaUnreadable: it has no header line of distinct names in a charset that is known here, or too long a one.
    """
    try:
        charset = charset_of(content_type)
        header, text = header_of(head, charset), beginning(head, BLOCK_BYTES, charset)
        complete = whole and (text is head or len(text) < BLOCK_BYTES)
        records = text if complete else _whole_records(text, header.delimiter)
        ensure_usable(header.names)
        tables = _tables(records, CsvDialect(header.delimiter, header.names))
    except (HeaderUnreadable, CsvUnreadable, pa.ArrowException) as error:
        raise SchemaUnreadable(f"it can't be read as CSV: {error}"[:500]) from error
    columns = pa.concat_tables(tables).combine_chunks().columns if tables else [None] * len(header.names)
    return CsvSchema(header.names, tuple(_type_of(column) for column in columns))


def joined(found: Sequence[CsvSchema]) -> tuple[Described, ...]:
    """The narrowest types that hold the values of all objects, which have the same columns in the same order.

    Raises:
        SchemasDiffer: they don't.
    """
    if any(each.names != found[0].names for each in found):
        raise SchemasDiffer("its objects have other columns, or in another order")
    by_column = zip(*(each.types for each in found), strict=True)
    return tuple(Described(name, _joined(types), None) for name, types in zip(found[0].names, by_column, strict=True))


def _joined(types: Sequence[str | None]) -> str:
    kinds = {each for each in types if each}
    if len(kinds) == 1:
        return kinds.pop()
    return "double" if kinds == {"long", "double"} else "string"


def _whole_records(text: bytes, delimiter: str) -> bytes:
    bare = text.removeprefix(BOM)
    return bare[: Quotes(delimiter).follow(bare, 0).last()] if bare else b""


def _tables(text: bytes, dialect: CsvDialect) -> list[pa.Table]:
    return [block.table for block in CsvReader(dialect, iter([memoryview(text)])).blocks() if block.table.num_rows]


def _type_of(column: pa.ChunkedArray | None) -> str | None:
    """The narrowest type that all values can be read as; None of nothing but nulls."""
    if column is None:
        return None
    values = pa.concat_arrays(column.chunks)
    _, missing = parse_text(values, pa.string())
    present = values.drop_null() if missing is None else values.filter(pc.and_(pc.is_valid(values), pc.invert(missing)))
    return narrowest(present)


def narrowest(texts: pa.Array) -> str | None:
    """The narrowest type that all of these texts can be read as, none of which is missing; None of none."""
    if not len(texts):
        return None
    return next((kind for kind in ("long", "double", "boolean", "datetime") if _are(texts, kind)), "string")


def _are(values: pa.Array, kind: str) -> bool:
    for some in (values.slice(0, _LOOKED_AT_FIRST), values):
        if kind == "long" and not pc.all(pc.match_substring_regex(some, _WHOLE)).as_py():
            return False
        if parse_text(some, ARROW_TYPES[kind])[0].null_count:
            return False
    return True
