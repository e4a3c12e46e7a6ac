"""Resident memory of the whole stack, process by process."""

import json

import psutil

from benchmarks.result import Result, Row
from infra.embedded.layout import CHECKOUT
from infra.embedded.stackfile import program_name

_MIB = 1024 * 1024


async def run() -> Result:
    """What each server and service holds, its children counted with it."""
    rows = [Row(name, sum(held(pid)), "MiB") for name, pid in programs().items()]
    total = sum(row.value for row in rows)
    available = psutil.virtual_memory().total / _MIB
    rows.append(Row("whole stack", total, "MiB", total / available, "this machine's memory"))
    return Result("memory", "Resident memory", rows)


def programs() -> dict[str, int]:
    """The present process of each server and each instance of a service, by the supervisor's names."""
    stack = json.loads((CHECKOUT / ".run" / "stack.json").read_text())
    pids = {name: server["pid"] for name, server in stack["servers"].items()}
    for name, instances in stack["services"].items():
        pids |= {program_name(name, number): instance["pid"] for number, instance in enumerate(instances, start=1)}
    return pids


def held(pid: int) -> tuple[float, float]:
    """MiB of a process itself and of all below it: proportional set sizes, so that what is shared is counted once."""
    root = psutil.Process(pid)
    return _pss(root), sum(_pss(each) for each in root.children(recursive=True))


def _pss(process: psutil.Process) -> float:
    try:
        return process.memory_full_info().pss / _MIB
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0.0
