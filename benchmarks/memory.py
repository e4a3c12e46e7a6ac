"""Resident memory of the whole stack, process by process."""

import json

import psutil

from benchmarks.result import Result, Row
from infra.embedded.layout import CHECKOUT

_MIB = 1024 * 1024


async def run() -> Result:
    """What each server and service holds, its children counted with it."""
    stack = json.loads((CHECKOUT / ".run" / "stack.json").read_text())
    pids = {name: server["pid"] for name, server in stack["servers"].items()}
    for name, instances in stack["services"].items():
        for number, instance in enumerate(instances, start=1):
            pids[name if len(instances) == 1 else f"{name}-{number}"] = instance["pid"]
    rows = [Row(name, _resident(pid) / _MIB, "MiB") for name, pid in pids.items()]
    total = sum(row.value for row in rows)
    available = psutil.virtual_memory().total / _MIB
    rows.append(Row("whole stack", total, "MiB", total / available, "this machine's memory"))
    return Result("memory", "Resident memory", rows)


def _resident(pid: int) -> int:
    """Proportional set sizes, so that what forked workers share is counted once."""
    root = psutil.Process(pid)
    return sum(_pss(each) for each in [root, *root.children(recursive=True)])


def _pss(process: psutil.Process) -> int:
    try:
        return process.memory_full_info().pss
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0
