"""The stack under what people and machines do to it: stops, kills, changed settings, closed folders."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from infra.embedded import orphans
from infra.embedded.errors import StackError
from infra.embedded.layout import CHECKOUT
from infra.embedded.ports import is_free
from infra.embedded.probing import READY
from infra.embedded.stack import Stack
from infra.embedded.status import LEFT_OVER

SERVERS = ("mongo", "postgres")


@pytest.fixture
def own_stack(tmp_path: Path) -> Iterator[Stack]:
    # As root this lies in a folder that only root can enter, like a checkout in a closed home.
    stack = Stack(tmp_path / "run with spaces & 100%", environ=_without_settings())
    yield stack
    stack.clean()


def _without_settings() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("MLP_")}


def _pids(stack: Stack) -> dict[str, int]:
    return {name: server["pid"] for name, server in stack.connections()["servers"].items()}


def _gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _eventually(condition, within_s: float = 15) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


def test_down_leaves_no_process_and_may_be_repeated(own_stack: Stack):
    own_stack.down()
    own_stack.up(servers=SERVERS, services=())
    assert orphans.processes_of(own_stack.layout.stack_id)

    own_stack.down()

    assert orphans.processes_of(own_stack.layout.stack_id) == []
    assert not own_stack.layout.stack_file.exists()
    assert own_stack.status() == []
    own_stack.down()


def test_clean_deletes_all_that_a_stack_has_made_and_nothing_else(own_stack: Stack):
    data = own_stack.layout.data
    theirs = (data / "thesis.txt", data / "letters" / "data" / "kafka")
    for each in theirs:
        each.parent.mkdir(parents=True, exist_ok=True)
        each.write_text("years of work")
    own_stack.up()
    (data / "logs" / "notes").write_text("of a person")

    left = own_stack.clean()

    assert left == [data / "letters", data / "logs" / "notes", theirs[0]]
    assert sorted(data.rglob("*")) == sorted([*left, data / "logs", theirs[1], *theirs[1].parents[:1]])
    assert [each.read_text() for each in theirs] == ["years of work"] * 2
    assert orphans.processes_of(own_stack.layout.stack_id) == []
    shutil.rmtree(data)


def test_ports_passwords_and_data_outlive_a_stop(own_stack: Stack):
    first = own_stack.up(servers=SERVERS, services=())
    own_stack.down()
    second = own_stack.up(servers=SERVERS, services=())
    assert {name: first[name] for name in SERVERS} == {name: second[name] for name in SERVERS}


def test_after_kill_9_of_the_supervisor_the_next_up_ends_what_it_left(own_stack: Stack):
    own_stack.up(servers=SERVERS, services=())
    before = _pids(own_stack)
    supervisor = int((own_stack.layout.data / "supervisord.pid").read_text())
    os.kill(supervisor, signal.SIGKILL)
    assert _eventually(lambda: _gone(supervisor))
    assert all(psutil.pid_exists(pid) for pid in before.values())

    own_stack.up(servers=SERVERS, services=())

    assert not any(psutil.pid_exists(pid) for pid in before.values())
    for name in SERVERS:
        own_stack.connection(name).probe()


def test_after_kill_9_of_the_supervisor_down_ends_what_it_left(own_stack: Stack):
    own_stack.up(servers=["mongo"], services=())
    os.kill(int((own_stack.layout.data / "supervisord.pid").read_text()), signal.SIGKILL)
    own_stack.down()
    assert orphans.processes_of(own_stack.layout.stack_id) == []


def test_status_tells_who_answers_and_waits_for_nobody(own_stack: Stack):
    own_stack.up(servers=SERVERS, services=())
    assert {row.name: row.answer for row in own_stack.status()} == dict.fromkeys(SERVERS, READY)

    os.kill(_pids(own_stack)["postgres"], signal.SIGSTOP)
    begun = time.monotonic()
    found = {row.name: row.answer for row in own_stack.status()}
    os.kill(_pids(own_stack)["postgres"], signal.SIGCONT)

    assert found["mongo"] == READY
    assert "no answer" in found["postgres"]
    assert time.monotonic() - begun < 3


def test_after_kill_9_of_the_supervisor_status_names_what_it_left(own_stack: Stack):
    own_stack.up(servers=SERVERS, services=())
    os.kill(int((own_stack.layout.data / "supervisord.pid").read_text()), signal.SIGKILL)
    assert _eventually(
        lambda: {(row.name, row.state) for row in own_stack.status()} >= {(n, LEFT_OVER) for n in SERVERS}
    )


def test_a_killed_server_is_started_again_and_its_pid_rewritten(own_stack: Stack):
    first = own_stack.up(servers=["mongo"], services=())
    pid = _pids(own_stack)["mongo"]

    os.kill(pid, signal.SIGKILL)

    assert _eventually(lambda: _pids(own_stack)["mongo"] != pid)
    assert psutil.pid_exists(_pids(own_stack)["mongo"])
    assert own_stack.connections()["mongo"] == first["mongo"]


def test_more_servers_are_added_without_touching_those_that_run(own_stack: Stack):
    own_stack.up(servers=["mongo"], services=())
    pid = _pids(own_stack)["mongo"]
    own_stack.up(servers=["mongo", "s3"], services=())
    assert _pids(own_stack)["mongo"] == pid


def test_only_its_owner_can_read_secrets(own_stack: Stack):
    own_stack.up(servers=SERVERS, services=())
    layout = own_stack.layout
    for file in (layout.stack_file, layout.secrets_file, *layout.programs.iterdir()):
        assert file.stat().st_mode & 0o077 == 0, file


def test_everything_listens_on_this_machine_only(own_stack: Stack):
    own_stack.up(services=())
    listening = {
        connection.laddr.ip
        for process in orphans.processes_of(own_stack.layout.stack_id)
        for connection in process.net_connections(kind="tcp")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening <= {"127.0.0.1", "::ffff:127.0.0.1"}


def _interrupted(stack: Stack, *, when: Callable[[], bool]) -> tuple[int, str]:
    """Exit code and output of an `up` that gets Ctrl-C, as a terminal sends it: to its tools as well."""
    command = [sys.executable, "-m", "infra.embedded", "up", "--servers-only", "--data", str(stack.layout.data)]
    starting = subprocess.Popen(
        command,
        cwd=CHECKOUT,
        env=_without_settings(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert _eventually(when)
    os.killpg(starting.pid, signal.SIGINT)
    output, _ = starting.communicate(timeout=60)
    return starting.returncode, output


def test_an_interrupted_first_up_leaves_nothing_and_the_next_one_works(own_stack: Stack):
    code, output = _interrupted(own_stack, when=(own_stack.layout.programs / "mongo.ini").exists)
    assert code == 130
    assert "interrupted; stopping" in output
    assert "✗" not in output
    assert "Traceback" not in output
    assert orphans.processes_of(own_stack.layout.stack_id) == []
    own_stack.up(servers=SERVERS, services=())


def test_an_up_that_is_interrupted_at_once_says_no_more_than_that(own_stack: Stack):
    begun = time.monotonic()
    code, output = _interrupted(own_stack, when=lambda: time.monotonic() > begun + 0.4)
    assert code == 130
    assert output.startswith("interrupted")
    assert "Traceback" not in output


def test_a_server_that_the_settings_point_at_is_used_and_not_started(own_stack: Stack, tmp_path: Path):
    theirs = own_stack.up(servers=["mongo"], services=())["mongo"]["url"]
    other = Stack(tmp_path / "other", environ=_without_settings() | {"MLP_MONGO_URL": theirs})
    try:
        found = other.up(servers=["mongo"], services=())
        assert found["mongo"] == {"url": theirs}
        assert found["servers"] == {}
    finally:
        other.clean()
    own_stack.connection("mongo").probe()


def test_a_port_that_somebody_took_meanwhile_is_exchanged(own_stack: Stack):
    port = own_stack.up(servers=["mongo"], services=())["mongo"]["url"].split(":")[2].split("/")[0]
    own_stack.down()
    assert is_free(int(port))
    with subprocess.Popen(
        [sys.executable, "-m", "http.server", port, "--bind", "127.0.0.1"], stderr=subprocess.DEVNULL
    ) as thief:
        assert _eventually(lambda: not is_free(int(port)))
        assert f":{port}/" not in own_stack.up(servers=["mongo"], services=())["mongo"]["url"]
        thief.terminate()


def test_what_cannot_be_downloaded_is_said_in_one_line_with_the_setting_to_use_instead(tmp_path: Path):
    unreachable = tmp_path / "ivysettings.xml"
    unreachable.write_text(
        '<ivysettings><settings defaultResolver="none"/>'
        '<resolvers><ibiblio name="none" m2compatible="true" root="http://127.0.0.1:1/"/></resolvers></ivysettings>'
    )
    stack = Stack(
        tmp_path / "run",
        downloads=tmp_path / "downloads",
        environ=_without_settings() | {"MLP_IVY_SETTINGS": str(unreachable)},
    )
    try:
        with pytest.raises(StackError, match=r"^kafka: .*MLP_KAFKA_BOOTSTRAP_SERVERS") as refused:
            stack.up(servers=["kafka"], services=())
        assert "\n" not in str(refused.value)
    finally:
        stack.clean()


def test_a_restart_gives_a_part_another_process_that_is_ready_and_leaves_the_others(own_stack: Stack):
    own_stack.up(servers=SERVERS, services=())
    before = _pids(own_stack)

    own_stack.restart("mongo")

    after = _pids(own_stack)
    assert after["mongo"] != before["mongo"]
    assert after["postgres"] == before["postgres"]
    assert {row.name: row.answer for row in own_stack.status()} == dict.fromkeys(SERVERS, READY)
    with pytest.raises(StackError, match="there is mongo, postgres"):
        own_stack.restart("monogo")
