"""Damage that knows a binary file's structure: protobuf, UBJSON, pickles, zip archives, parquet, packed texts."""

import bz2
import gzip
import io
import pickletools
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from tests.hostile.mutators import LARGE, NUMBERS, PLAIN, Mutator, flip_bits, mutated

_DEPTH: Final = 6
_PLACES: Final = (b"left_children", b"right_children", b"parents", b"split_indices", b"split_conditions", b"categories")
_MARK: Final = b"PAR1"


@dataclass
class Field:
    """Of a protobuf message. `value`: a varint, fixed bytes, or what a length stood before: bytes or fields."""

    number: int
    kind: int
    value: "int | bytes | list[Field]"


def protobuf_fields(raw: bytes, random: Random) -> bytes:
    """A field's number, value or length, or its place; lengths around it fit, mostly."""
    fields = _fields(raw, _DEPTH)
    if not fields:
        return flip_bits(raw, random)
    for _ in range(random.choice((1, 1, 2, 4))):
        holder = random.choice(list(_holders(fields)))
        at = random.randrange(len(holder))
        what = random.random()
        if what < 0.1:
            del holder[at]
            if not holder:
                return _encoded(fields)
        elif what < 0.2:
            holder.insert(random.randrange(len(holder) + 1), holder[at])
        else:
            holder[at] = _other(holder[at], random)
    return _encoded(fields)


def _other(field: Field, random: Random) -> Field:
    value = field.value
    if random.random() < 0.1:
        return Field(random.randrange(1, 30), field.kind, value)
    if isinstance(value, int):
        return Field(field.number, field.kind, random.choice((*NUMBERS, *LARGE, value + 1, max(0, value - 1))))
    raw = _encoded(value) if isinstance(value, list) else value
    return Field(field.number, field.kind, mutated(raw, (), random) if raw else b"\x01")


def _holders(fields: list[Field]) -> "list[list[Field]]":
    found = [fields]
    for field in fields:
        if isinstance(field.value, list) and field.value:
            found += _holders(field.value)
    return found


def _fields(raw: bytes, depth: int) -> list[Field] | None:
    """None: it is no message."""
    fields, at = list[Field](), 0
    try:
        while at < len(raw):
            key, at = _varint(raw, at)
            number, kind = key >> 3, key & 7
            if not 0 < number < 1000:
                return None
            if kind == 0:
                whole, at = _varint(raw, at)
                fields.append(Field(number, kind, whole))
                continue
            size, at = _varint(raw, at) if kind == 2 else ({1: 8, 5: 4}[kind], at)
            piece = raw[at : at + size]
            if len(piece) != size:
                return None
            inner = _fields(piece, depth - 1) if kind == 2 and depth and size > 1 else None
            fields.append(Field(number, kind, piece if inner is None else inner))
            at += size
    except (IndexError, KeyError):
        return None
    return fields


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = raw[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80 or shift > 63:
            return value, at


def _as_varint(value: int) -> bytes:
    out = bytearray()
    value &= (1 << 64) - 1
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _encoded(fields: Sequence[Field]) -> bytes:
    out = bytearray()
    for field in fields:
        out += _as_varint(field.number << 3 | field.kind)
        value = _encoded(field.value) if isinstance(field.value, list) else field.value
        if isinstance(value, int):
            out += _as_varint(value)
        else:
            out += (_as_varint(len(value)) if field.kind == 2 else b"") + value
    return bytes(out)


def ubjson_places(raw: bytes, random: Random) -> bytes:
    """Elements of a tree's arrays in UBJSON (`[$l#L` and a length, then big-endian numbers), and the length itself."""
    changed = bytearray(raw)
    for _ in range(random.choice((1, 1, 2, 6))):
        key = random.choice(_PLACES)
        starts = [at for at in range(len(raw) - len(key) - 12) if raw.startswith(key + b"[$", at)]
        if not starts:
            continue
        start = random.choice(starts) + len(key)
        (count,) = struct.unpack_from(">q", raw, start + 5)
        at = start + 13 + 4 * random.randrange(max(1, count)) if random.random() < 0.9 else start + 9
        if at + 4 <= len(changed):
            wanted = random.choice((-1, 0, 1, 2, 12345, count, 10**8, 2**31 - 1, -(2**31), -5))
            struct.pack_into(">i", changed, at, wanted)
    return bytes(changed)


def pickle_codes(raw: bytes, random: Random) -> bytes:
    """An opcode exchanged, left out, doubled; or its argument damaged."""
    try:
        places = [at for _, _, at in pickletools.genops(raw) if at is not None]
    except ValueError:
        return flip_bits(raw, random)
    places.append(len(raw))
    for _ in range(random.choice((1, 1, 2, 4))):
        number = random.randrange(len(places) - 1)
        start, end = places[number], places[number + 1]
        codes = random.choice([each.code.encode("latin-1") for each in pickletools.opcodes])
        piece: bytes = random.choice((b"", raw[start:end] * 2, codes + raw[start + 1 : end], codes + raw[start:end]))
        if end - start > 1 and random.random() < 0.4:
            piece = raw[start : start + 1] + mutated(raw[start + 1 : end], (), random)
        if len(piece) == end - start:
            raw = raw[:start] + piece + raw[end:]
        else:
            return raw[:start] + piece + raw[end:]
    return raw


def unpacked_first(mutators: Sequence[Mutator]) -> Mutator:
    """Damage to what is packed (zlib, gzip or bzip2), which is packed again."""

    def mutate(raw: bytes, random: Random) -> bytes:
        packings: tuple[tuple[bytes, Callable[[bytes], bytes], Callable[[bytes], bytes]], ...] = (
            (b"\x1f\x8b", gzip.decompress, gzip.compress),
            (b"BZh", bz2.decompress, bz2.compress),
            (b"\x78", zlib.decompress, zlib.compress),
        )
        for magic, unpack, pack in packings:
            if raw.startswith(magic):
                try:
                    return pack(mutated(unpack(raw), mutators, random))
                except (OSError, EOFError, zlib.error, ValueError):
                    break
        return random.choice((*mutators, *PLAIN))(raw, random)

    return mutate


def zip_members(mutators: Sequence[Mutator]) -> Mutator:
    """A member's content or name, or a member more; the archive around it is whole."""

    def mutate(raw: bytes, random: Random) -> bytes:
        try:
            with zipfile.ZipFile(io.BytesIO(raw)) as archive:
                members = [(each.filename, archive.read(each)) for each in archive.infolist()]
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError, zlib.error):
            return flip_bits(raw, random)
        if not members:
            return flip_bits(raw, random)
        at = random.randrange(len(members))
        name, content = members[at]
        what = random.random()
        if what < 0.7:
            members[at] = name, mutated(content, mutators, random)
        elif what < 0.8:
            odd = ("../" + name, "/tmp/" + name, name + "\0x", "x" * 5000, "", name + "/", "..", "a\\b")
            members[at] = random.choice(odd), content
        elif what < 0.9:
            del members[at]
        else:
            members.insert(random.randrange(len(members)), (name, random.randbytes(20)))
        return zipped(members)

    return mutate


def zip_records(raw: bytes, random: Random) -> bytes:
    """Sizes, offsets, methods and names' lengths in a zip archive's records."""
    starts = [at for magic in (b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06") for at in _found(raw, magic)]
    if not starts:
        return flip_bits(raw, random)
    changed = bytearray(raw)
    for _ in range(random.choice((1, 1, 3))):
        at = random.choice(starts) + random.randrange(4, 46)
        code = random.choice(("<H", "<I"))
        if at + 4 <= len(changed):
            struct.pack_into(code, changed, at, random.choice(NUMBERS) & (0xFFFF if code == "<H" else 0xFFFFFFFF))
    return bytes(changed)


def zipped(members: Sequence[tuple[str, bytes]]) -> bytes:
    sink = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        # Two of one name, and one without.
        warnings.simplefilter("ignore")
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name), content)
    return sink.getvalue()


def parquet_footer(raw: bytes, random: Random) -> bytes:
    """Counts, offsets and types in the footer, whose length fits again, mostly."""
    size = int.from_bytes(raw[-8:-4], "little")
    if not raw.endswith(_MARK) or not 0 < size < len(raw) - 8:
        return flip_bits(raw, random)
    data, footer = raw[: -8 - size], raw[-8 - size : -8]
    for _ in range(random.choice((1, 1, 2, 4))):
        at = random.randrange(len(footer))
        if random.random() < 0.6:
            number = random.choice((*NUMBERS, *LARGE)) if random.random() < 0.5 else random.randrange(256)
            footer = footer[:at] + _as_varint(number) + footer[at + random.choice((1, 1, 2, 3)) :]
        else:
            footer = mutated(footer, (), random) or b"\0"
    length = len(footer) if random.random() < 0.9 else random.choice(NUMBERS)
    return data + footer + length.to_bytes(8, "little")[:4] + _MARK


def parquet_pages(raw: bytes, random: Random) -> bytes:
    """What stands before the footer: pages and their headers, some of whose beginnings are found by their look."""
    size = int.from_bytes(raw[-8:-4], "little")
    end = max(5, len(raw) - 8 - size)
    starts = [at for at in range(4, end - 3) if raw[at] == 0x15 and raw[at + 2] == 0x15] or [4]
    changed = bytearray(raw)
    for _ in range(random.choice((1, 1, 2, 4))):
        at = min(random.choice(starts) + random.randrange(40), end - 1)
        changed[at] = random.choice((0, 1, 0x15, 0x7F, 0x80, 0xFF, random.randrange(256)))
    return bytes(changed)


def _found(raw: bytes, magic: bytes) -> list[int]:
    found, at = list[int](), raw.find(magic)
    while at >= 0:
        found.append(at)
        at = raw.find(magic, at + 1)
    return found
