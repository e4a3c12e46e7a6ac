"""Memory that a worker reads pieces into and its model's process only sees."""

import mmap
import os
import socket

import psutil
import pytest

from chassis.sandbox.child import wire
from chassis.sandbox.shared_memory import Memories, SharedMemory


@pytest.fixture
def link():
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        yield ours, theirs


def show(link, memory: SharedMemory, *sizes: int, mappings: wire.Mappings | None):
    ours, theirs = link
    wire.send_shared(ours, {"op": "score"}, memory.descriptor, memory.number, sizes)
    return [bytes(piece) for piece in wire.receive(theirs, mappings)[1]]


@pytest.mark.parametrize(
    "attempt",
    [
        lambda descriptor: os.write(descriptor, b"x"),
        lambda descriptor: os.ftruncate(descriptor, 0),
        lambda descriptor: os.ftruncate(descriptor, 2 << 20),
        lambda descriptor: mmap.mmap(descriptor, 0, prot=mmap.PROT_READ | mmap.PROT_WRITE),
        lambda descriptor: os.write(os.open(f"/proc/self/fd/{descriptor}", os.O_RDWR), b"x"),
    ],
)
def test_who_gets_the_descriptor_cannot_change_what_the_worker_reads(attempt):
    memory = SharedMemory(1 << 20)
    memory.view[:4] = b"rows"
    with pytest.raises(PermissionError):
        attempt(os.dup(memory.descriptor))
    assert bytes(memory.view[:4]) == b"rows"


def test_a_mapping_sees_what_the_same_memory_holds_next(link):
    mappings, memory = wire.Mappings(), SharedMemory(1 << 20)
    memory.view[:5] = b"firsT"
    assert show(link, memory, 4, 1, mappings=mappings) == [b"firs", b"T"]
    memory.view[:5] = b"thEN!"
    assert show(link, memory, 2, 3, mappings=mappings) == [b"th", b"EN!"]


def test_another_memory_is_not_taken_for_the_first(link):
    mappings = wire.Mappings()
    for number in range(12):
        memory = SharedMemory(1 << 20)
        memory.view[:1] = bytes([number])
        assert show(link, memory, 1, mappings=mappings) == [bytes([number])]


def test_descriptors_that_were_shown_are_not_left_open(link):
    mappings, memory = wire.Mappings(), SharedMemory(1 << 20)
    show(link, memory, 1, mappings=mappings)
    before = psutil.Process().num_fds()
    for _ in range(5):
        show(link, memory, 1, mappings=mappings)
    assert psutil.Process().num_fds() == before


def test_a_worker_takes_no_memory_that_a_model_could_still_change(link):
    with pytest.raises(ValueError, match="not sealed"):
        show(link, SharedMemory(1 << 20), 1, mappings=None)


def test_memory_is_used_again_once_it_was_given_back():
    memories = Memories()
    first, second = memories.take(1_000), memories.take(1_000)
    assert first.number != second.number
    memories.give_back(first)
    assert memories.take(1_000) is first


def test_memory_that_is_too_small_makes_room_for_larger():
    memories = Memories()
    small = [memories.take(1) for _ in range(3)]
    for each in small:
        memories.give_back(each)
    large = [memories.take(3 << 20) for _ in range(3)]
    assert all(each.size >= 3 << 20 for each in large)
    for each in large:
        memories.give_back(each)
    assert {memories.take(3 << 20).number for _ in range(3)} == {each.number for each in large}


def test_no_more_is_kept_than_is_in_use_at_once_and_nothing_that_is_large():
    memories = Memories()
    taken = [memories.take(1) for _ in range(5)]
    for each in taken:
        memories.give_back(each)
    assert len({memories.take(1).number for _ in range(5)} & {each.number for each in taken}) == 3
    huge = memories.take(wire.KEPT_BYTES + 1)
    memories.give_back(huge)
    assert memories.take(wire.KEPT_BYTES + 1) is not huge


def test_memory_that_nobody_has_ends_with_its_descriptor():
    before = psutil.Process().num_fds()
    memory = SharedMemory(1 << 20)
    assert psutil.Process().num_fds() > before
    del memory
    assert psutil.Process().num_fds() == before
