"""Processes of a stack that its supervisor doesn't hold any more."""

import os
from typing import Final

import psutil

# No setting, and not named like one: programs that clear the `MLP_` settings of their children keep it.
MARKER: Final = "ML_PLATFORM_STACK"
# The supervisor names each of its programs so.
_PROGRAM: Final = "SUPERVISOR_PROCESS_NAME"
_GRACE_S: Final = 5.0
_KILL_S: Final = 10.0


def processes_of(stack_id: str) -> list[psutil.Process]:
    """Every process that carries the stack's mark, with its descendants (a sandbox clears the environment)."""
    marked = [process for process in psutil.process_iter() if _variable(process, MARKER) == stack_id]
    found = {process.pid: process for process in marked}
    for process in marked:
        found |= {child.pid: child for child in _descendants(process)}
    for spared in (os.getpid(), *(parent.pid for parent in psutil.Process().parents())):
        found.pop(spared, None)
    return list(found.values())


def tops(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those whose parents are not among them."""
    pids = {process.pid for process in processes}
    return [process for process in processes if _parent(process) not in pids]


def program_of(process: psutil.Process) -> str:
    """The part that it is or belongs to; of what no supervisor started, the executable's name."""
    return _variable(process, _PROGRAM) or _executable(process)


def end(processes: list[psutil.Process], *, grace_s: float = _GRACE_S) -> None:
    """Ask them to leave, then make them. A server's own children are its business until the grace is over."""
    for process in tops(processes):
        _signal(process, kill=False)
    _, alive = psutil.wait_procs(processes, timeout=grace_s)
    for process in alive:
        _signal(process, kill=True)
    psutil.wait_procs(alive, timeout=_KILL_S)


def _variable(process: psutil.Process, name: str) -> str | None:
    try:
        return process.environ().get(name)
    except (psutil.Error, OSError):
        return None


def _executable(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.Error:
        return "?"


def _descendants(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


def _parent(process: psutil.Process) -> int:
    try:
        return process.ppid()
    except psutil.Error:
        return 0


def _signal(process: psutil.Process, *, kill: bool) -> None:
    try:
        process.kill() if kill else process.terminate()
    except psutil.Error:
        return
