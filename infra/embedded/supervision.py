"""Supervisor (the PyPI package) in the background, controlled over a Unix socket."""

import subprocess
import sys
import threading
import time
import xmlrpc.client
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any, Final

import psutil
from supervisor.xmlrpc import SupervisorTransport

from infra.embedded.errors import StackError
from infra.embedded.files import write_private
from infra.embedded.layout import Layout
from infra.embedded.orphans import MARKER
from infra.embedded.program import escaped

_START_S: Final = 20.0
_POLL_S: Final = 0.05
_INI: Final = """\
[supervisord]
logfile={logs}/supervisord.log
logfile_maxbytes=5MB
logfile_backups=1
pidfile={data}/supervisord.pid
childlogdir={logs}
nodaemon=true
silent=true
minfds=1024

[unix_http_server]
file={socket}
chmod=0700

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[rpcinterface:pids]
supervisor.rpcinterface_factory=infra.embedded.pids:follow
stack_file={data}/stack.json

[include]
files=programs/*.ini
"""


@dataclass(frozen=True)
class ProcessInfo:
    """A program as the supervisor sees it; `started` is in seconds since the epoch, `exit_code` of its last life."""

    name: str
    state: str
    pid: int | None
    started: float
    exit_code: int = 0


class Supervisor:
    """The supervisor of one stack. Calls may come from several threads."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._turn = threading.Lock()

    def alive(self) -> bool:
        """Whether it answers and is not about to stop."""
        try:
            return self._call("getState")["statename"] == "RUNNING"
        except (OSError, HTTPException, xmlrpc.client.Error):
            return False

    def start(self, environ: Mapping[str, str]) -> None:
        """Start it with no programs, in a session of its own so that Ctrl-C here isn't meant for it."""
        layout = self._layout
        for leftover in layout.programs.iterdir():
            leftover.unlink()
        layout.socket.unlink(missing_ok=True)
        paths = {"logs": layout.logs, "data": layout.data, "socket": layout.socket}
        write_private(layout.supervisor_ini, _INI.format_map({k: escaped(v) for k, v in paths.items()}))
        command = [sys.executable, "-m", "supervisor.supervisord", "-n", "-c", str(layout.supervisor_ini)]
        with (layout.logs / "supervisord.log").open("ab") as log:
            process = subprocess.Popen(
                command,
                cwd=layout.root,
                env={**inherited(environ), MARKER: layout.stack_id},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._await_start(process)

    def _await_start(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _START_S
        while not self.alive():
            if process.poll() is not None or time.monotonic() > deadline:
                remedy = f"see {self._layout.logs / 'supervisord.log'}"
                raise StackError("supervisor", "doesn't start", remedy=remedy)
            time.sleep(_POLL_S)

    def update(self) -> None:
        """Start, restart and stop programs until what runs is what the program files say."""
        with self._turn:
            added, changed, removed = self._call("reloadConfig")[0]
            for name in (*changed, *removed):
                self._call("stopProcessGroup", name)
                self._call("removeProcessGroup", name)
            for name in (*added, *changed):
                self._call("addProcessGroup", name)
            for name, info in self._processes().items():
                if info.state in {"STOPPED", "EXITED", "FATAL"}:
                    self._call("startProcess", name, False)

    def processes(self) -> dict[str, ProcessInfo]:
        """Programs by name; none if the supervisor doesn't run."""
        with self._turn:
            return self._processes()

    def stop(self, names: Collection[str]) -> None:
        """Begin to stop these programs; `processes` tells when they have."""
        with self._turn:
            running = self._processes().keys() & names
            for name in running:
                self._call("stopProcessGroup", name, False)

    def restart(self, name: str) -> None:
        """Ask a program to end, wait until it has, and start it again; one that doesn't run is started."""
        with self._turn:
            self._call("stopProcessGroup", name)
            self._call("startProcess", name, False)

    def shut_down(self) -> None:
        """Stop the supervisor itself and wait until it is gone."""
        try:
            process = psutil.Process(self._call("getPID"))
            self._call("shutdown")
            process.wait(_START_S)
        except (OSError, HTTPException, xmlrpc.client.Error, psutil.Error):
            return

    def _processes(self) -> dict[str, ProcessInfo]:
        infos: list[dict[str, Any]] = self._call("getAllProcessInfo")
        return {
            i["name"]: ProcessInfo(i["name"], i["statename"], i["pid"] or None, i["start"], i["exitstatus"])
            for i in infos
        }

    def _call(self, method: str, *arguments: object) -> Any:
        transport = SupervisorTransport(None, None, f"unix://{self._layout.socket}")
        with xmlrpc.client.ServerProxy("http://localhost", transport=transport) as proxy:
            return getattr(proxy.supervisor, method)(*arguments)


def inherited(environ: Mapping[str, str]) -> dict[str, str]:
    """What every program gets of the caller's environment: not our settings, which each is given apart."""
    refused = ("MLP_", "PYTHON", "COVERAGE_")
    return {name: value for name, value in environ.items() if not name.startswith(refused)}
