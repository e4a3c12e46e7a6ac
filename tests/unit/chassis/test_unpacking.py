import pytest
from aiokafka import TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

from chassis.bus.unpacking import read_whatever_comes
from tests.odd_names import OddName

NAME = b"x-\xff\xfe"
PLAIN, GZIP, SNAPPY, LZ4, ZSTD = range(5)


def batch(*names, compression=PLAIN):
    builder = _DefaultRecordBatchBuilderPy(2, compression, 0, -1, -1, -1, 1_000_000)
    for offset, name in enumerate(names):
        builder.append(offset, 1, b"k", b"value \xff", [(name, b"\xfe")])
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
