"""Memory as Linux tells it."""

import os

from services.executor.scoring.memory import _left_in_group, available_memory, memory_of


def test_a_process_holds_what_it_has_written_and_a_dead_one_nothing():
    before = memory_of([os.getpid()])
    held = bytearray(os.urandom(1)) * (64 << 20)

    assert memory_of([os.getpid(), 1 << 30]) - before > 48 << 20
    assert len(held) == 64 << 20


def test_a_containers_limit_counts_less_what_it_uses_beyond_the_pages_of_files(tmp_path):
    (tmp_path / "memory.current").write_text("700\n")
    (tmp_path / "memory.stat").write_text("anon 500\ninactive_file 150\n")
    (tmp_path / "memory.max").write_text("1000\n")
    assert list(_left_in_group(tmp_path)) == [450]

    (tmp_path / "memory.max").write_text("max\n")
    assert list(_left_in_group(tmp_path)) == []


def test_the_machine_has_some_left():
    assert available_memory() > 0
