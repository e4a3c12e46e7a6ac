import gzip
import resource
import struct

import cramjam
import pytest
from aiokafka import TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy
from aiokafka.record.util import calc_crc32c
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chassis.bus import unpacking
from chassis.bus.compression import MAX_UNPACKED_BYTES
from chassis.bus.record import Cut
from chassis.bus.unpacking import KEPT_BYTES, read_whatever_comes
from tests.odd_names import OddName

NAME = b"x-\xff\xfe"
PLAIN, GZIP, SNAPPY, LZ4, ZSTD = range(5)


def batch(*names, compression=PLAIN):
    builder = _DefaultRecordBatchBuilderPy(2, compression, 0, -1, -1, -1, 1_000_000)
    for offset, name in enumerate(names):
        builder.append(offset, 1, b"k", b"value \xff", [(name, b"\xfe")])
    return bytes(builder.build())


def repacked(batch, packed):
    """The batch with these bytes in the place of its packed ones, and the checksum that a sender would make."""
    header = bytearray(batch[:61])
    struct.pack_into(">i", header, 8, 61 - 12 + len(packed))
    struct.pack_into(">I", header, 17, calc_crc32c(bytes(header[21:]) + packed))
    return bytes(header) + packed


def values(*sizes, compression, fill=b" "):
    builder = _DefaultRecordBatchBuilderPy(2, compression, 0, -1, -1, -1, 2**31 - 1)
    for offset, size in enumerate(sizes):
        builder.append(offset, 1, b"k%d" % offset, fill * size, [("h", b"1")])
    return bytes(builder.build())


def fetched(data, *, since=0):
    """What the fetcher makes of the bytes that a broker sent."""
    records = fetcher.MemoryRecords(data)
    return list(fetcher.PartitionRecords(TopicPartition("t", 0), records, [], since, None, None, True, 0))


@pytest.fixture(autouse=True)
def _tolerant(monkeypatch):
    monkeypatch.setattr(fetcher, "MemoryRecords", fetcher.MemoryRecords)
    read_whatever_comes()


@pytest.mark.parametrize("compression", [PLAIN, GZIP, SNAPPY, LZ4, ZSTD])
def test_a_record_with_such_a_name_is_read_once_and_so_are_its_neighbours(compression):
    read = fetched(batch("a", OddName(NAME), "b", OddName(b"\x80"), "c", compression=compression))

    assert [each.headers[0][0].encode(errors="surrogateescape") for each in read] == [b"a", NAME, b"b", b"\x80", b"c"]
    assert {(each.key, each.value, each.headers[0][1]) for each in read} == {(b"k", b"value \xff", b"\xfe")}


def test_reading_goes_on_behind_what_was_read():
    assert [each.offset for each in fetched(batch("a", OddName(NAME), "b"), since=2)] == [2]


def test_a_batch_that_is_broken_otherwise_is_an_error_as_before():
    data = batch("a", OddName(NAME))

    with pytest.raises(CorruptRecordException):
        fetched(data[:-1] + bytes([data[-1] ^ 1]))


@pytest.mark.parametrize("compression", [GZIP, LZ4, ZSTD])
def test_what_unpacks_to_more_than_there_is_room_for_is_cut_where_it_stands(compression):
    data = values(10, 3 * MAX_UNPACKED_BYTES, 10, 10, compression=compression)
    assert len(data) < 512 * 1024

    first, giant, *behind = fetched(data)

    assert (first.value, first.headers) == (b" " * 10, (("h", b"1"),))
    assert (giant.key, giant.value, giant.offset) == (b"k1", b" " * KEPT_BYTES, 1)
    assert (giant.value.code, giant.value.size) == ("too-large", 3 * MAX_UNPACKED_BYTES)
    assert [(each.offset, each.value, each.value.code, each.value.size) for each in behind] == [
        (2, b"", "too-large", None),
        (3, b"", "too-large", None),
    ]
    assert [each.offset for each in fetched(data, since=2)] == [2, 3]


def test_a_batch_in_snappy_that_is_too_large_is_known_before_it_is_unpacked():
    data = values(2 * MAX_UNPACKED_BYTES, compression=SNAPPY)

    (giant,) = fetched(data)

    assert (giant.value.code, giant.value.size) == ("too-large", 2 * MAX_UNPACKED_BYTES)


def test_gigabytes_in_kilobytes_take_neither_memory_nor_time():
    inner = b" " * (64 * 1024 * 1024)
    compressor = cramjam.zstd.Compressor()
    for _ in range(64):
        compressor.compress(inner)
    packed = bytes(compressor.finish())
    data = repacked(values(10_000, compression=ZSTD), packed)
    before = resource.getrusage(resource.RUSAGE_SELF)

    (only,) = fetched(data)

    after = resource.getrusage(resource.RUSAGE_SELF)
    assert len(data) < 512 * 1024
    assert isinstance(only.value, Cut)
    assert after.ru_maxrss - before.ru_maxrss < 128 * 1024  # KB
    assert after.ru_utime - before.ru_utime < 1


def test_records_that_are_small_and_many_are_all_read():
    assert len(fetched(values(*[100] * 20_000, compression=ZSTD))) == 20_000


@pytest.mark.parametrize("compression", [GZIP, SNAPPY, LZ4, ZSTD])
def test_what_our_library_does_not_understand_is_passed_and_named(compression):
    data = repacked(values(10_000, 10_000, compression=compression), b"what no codec has written")

    assert [(each.offset, each.value, each.value.code) for each in fetched(data)] == [
        (0, b"", "bad-batch"),
        (1, b"", "bad-batch"),
    ]


def test_what_cannot_be_taken_apart_is_passed_and_named_behind_what_can():
    good = values(10, 10, 10, compression=PLAIN)
    second = good.index(b"k1")
    broken = bytearray(good[61:])
    broken[second - 61 - 1] = 0x7F  # the key's length
    data = repacked(good, bytes(broken))

    first, *others = fetched(data)

    assert first.value == b" " * 10
    assert [(each.offset, each.value.code) for each in others] == [(1, "bad-batch"), (2, "bad-batch")]


def test_gzip_in_several_members_is_read_whole():
    data = values(1000, 1000, compression=PLAIN)[61:]
    shell = values(10_000, 10_000, compression=GZIP)
    packed = gzip.compress(data[:700]) + gzip.compress(data[700:])

    assert [len(each.value) for each in fetched(repacked(shell, packed))] == [1000, 1000]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300), st.sampled_from([PLAIN, GZIP, SNAPPY, LZ4, ZSTD]), st.integers(0, 400), st.booleans())
def test_no_bytes_keep_a_batch_from_being_passed(junk, compression, at, inside):
    whole = values(100, 100, 100, compression=compression)
    packed = whole[61 : 61 + at] + junk + whole[61 + at :] if inside else junk

    read = fetched(repacked(whole, packed))

    assert [each.offset for each in read] == [0, 1, 2]


def test_one_room_serves_all_batches():
    for _ in range(3):
        fetched(values(100_000, compression=ZSTD))

    assert len(unpacking.unpacked(ZSTD, values(100_000, compression=ZSTD)[61:])[0]) > 100_000
