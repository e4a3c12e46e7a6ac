from pathlib import Path

from infra.embedded.layout import Layout


def test_a_long_checkout_gets_a_socket_path_that_a_socket_can_have(tmp_path):
    deep = tmp_path / ("d" * 60) / ("e" * 60) / ".run"
    socket = Layout(tmp_path, deep, tmp_path).socket
    assert len(bytes(socket)) + len(".1234567") < 108
    assert socket != Layout(tmp_path, tmp_path / ".run", tmp_path).socket


def test_two_data_folders_are_two_stacks(tmp_path):
    here, there = (Layout(tmp_path, tmp_path / name, tmp_path) for name in ("here", "there"))
    assert here.stack_id != there.stack_id
    assert here.short_id != there.short_id


def test_a_data_folder_is_the_same_stack_by_any_path_to_it(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "run")
    assert Layout(tmp_path, tmp_path / "link", Path()).stack_id == Layout(tmp_path, tmp_path / "run", Path()).stack_id
