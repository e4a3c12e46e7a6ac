"""What runs, as a table."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import psutil
from rich.table import Table

from infra.embedded import orphans, stackfile
from infra.embedded.layout import Layout
from infra.embedded.parts import SERVERS
from infra.embedded.probing import READY
from infra.embedded.supervision import ProcessInfo, Supervisor

LEFT_OVER, NOT_OURS = "LEFT OVER", "NOT OURS"
_MIB = 1024 * 1024
_RUNNING = "RUNNING"


@dataclass(frozen=True)
class Row:
    """One process, or a server that isn't ours."""

    name: str
    state: str
    url: str
    pid: int | None = None
    uptime_s: float | None = None
    memory_mib: float | None = None
    answer: str = ""
    """`READY`, or why not."""


def rows(layout: Layout, supervisor: Supervisor, connections: dict[str, Any]) -> list[Row]:
    """Servers and services; what is left of them if the supervisor is gone; empty if nothing runs."""
    if not supervisor.alive():
        left = orphans.tops(orphans.processes_of(layout.stack_id))
        return [
            Row(orphans.program_of(top), LEFT_OVER, "", top.pid, answer="its supervisor is gone")
            for top in sorted(left, key=orphans.program_of)
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


def with_answers(found: Iterable[Row], answers: Mapping[str, str]) -> list[Row]:
    """The rows, and what the parts in them answered, where they run."""
    return [
        replace(
            row, answer=f"its process is {row.state.lower()}" if _is_down(row) else answers.get(row.name, row.answer)
        )
        for row in found
    ]


def _is_down(row: Row) -> bool:
    return row.state != NOT_OURS and row.pid is None


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
    for column in shown.columns:
        column.no_wrap = True
        column.justify = "right" if column.header in {"pid", "up", "MiB"} else "left"
    for row in found:
        state = f"[{'green' if row.answer == READY else 'red'}]{_state(row)}[/]"
        pid = "" if row.pid is None else str(row.pid)
        shown.add_row(row.name, state, pid, _duration(row.uptime_s), _number(row.memory_mib), row.url)
    return shown


def _state(row: Row) -> str:
    """What runs is ready or not; what doesn't, or isn't ours, is as the supervisor has it."""
    if row.state != _RUNNING:
        return row.state.lower()
    return "ready" if row.answer == READY else "not ready"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}"


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return ""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} m" if hours else f"{minutes} m {rest:02} s" if minutes else f"{rest} s"
