"""What runs, as a table."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import psutil
from rich.table import Table

from infra.embedded import orphans, stackfile
from infra.embedded.layout import Layout
from infra.embedded.parts import SERVERS
from infra.embedded.supervision import ProcessInfo, Supervisor

LEFT_OVER, NOT_OURS = "LEFT OVER", "NOT OURS"
_MIB = 1024 * 1024
_COMMAND_CHARACTERS = 60
_STATES = {"RUNNING": "green", "STARTING": "yellow", "BACKOFF": "red", "FATAL": "red", "EXITED": "red"}


@dataclass(frozen=True)
class Row:
    """One process, or a server that isn't ours."""

    name: str
    state: str
    url: str
    pid: int | None = None
    uptime_s: float | None = None
    memory_mib: float | None = None


def rows(layout: Layout, supervisor: Supervisor, connections: dict[str, Any]) -> list[Row]:
    """Servers, services, the supervisor; empty if nothing runs."""
    if not supervisor.alive():
        return [
            Row(_command(top), LEFT_OVER, "", top.pid) for top in orphans.tops(orphans.processes_of(layout.stack_id))
        ]
    infos = supervisor.processes()
    urls = _urls(connections)
    ours = [_row(info, urls.get(name, "")) for name, info in sorted(infos.items(), key=_order)]
    others = [Row(name, NOT_OURS, urls[name]) for name in SERVERS if name in urls and name not in infos]
    return [*others, *ours]


def _order(item: tuple[str, ProcessInfo]) -> tuple[bool, str]:
    return item[0] not in SERVERS, item[0]


def _row(info: ProcessInfo, url: str) -> Row:
    if info.pid is None:
        return Row(info.name, info.state, url)
    return Row(info.name, info.state, url, info.pid, time.time() - info.started, memory_mib(info.pid))


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())[:_COMMAND_CHARACTERS]
    except psutil.Error:
        return "?"


def memory_mib(pid: int) -> float | None:
    """Of the process and its descendants; what they share is counted once."""
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
        return sum(_bytes(member) for member in family) / _MIB
    except psutil.Error:
        return None


def _bytes(process: psutil.Process) -> int:
    try:
        return process.memory_full_info().pss
    except psutil.Error:
        return 0


def _urls(connections: dict[str, Any]) -> dict[str, str]:
    """Of servers and of services' instances, by program."""
    urls = {name: _address(connections[name]) for name in SERVERS if name in connections}
    for service, instances in connections.get("services", {}).items():
        for number, instance in enumerate(instances, start=1):
            urls[stackfile.program_name(service, number)] = instance["url"]
    return urls


def _address(section: dict[str, Any]) -> str:
    """Without the password that a URL may hold."""
    address: str = next(section[key] for key in ("bootstrap_servers", "url", "endpoint", "dsn") if key in section)
    scheme, sign, rest = address.rpartition("://")
    return scheme + sign + rest.rpartition("@")[2].partition("?")[0]


def table(found: Iterable[Row]) -> Table:
    shown = Table("part", "state", "pid", "up", "MiB", "where", box=None, pad_edge=False, header_style="dim")
    for column in ("pid", "up", "MiB"):
        next(c for c in shown.columns if c.header == column).justify = "right"
    for row in found:
        state = f"[{_STATES.get(row.state, 'default')}]{row.state.lower()}[/]"
        pid = "" if row.pid is None else str(row.pid)
        shown.add_row(row.name, state, pid, _duration(row.uptime_s), _number(row.memory_mib), row.url)
    return shown


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}"


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return ""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} m" if hours else f"{minutes} m {rest:02} s" if minutes else f"{rest} s"
