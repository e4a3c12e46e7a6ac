"""`stack.json`: how to reach what runs. Its shape is part of the platform's contract."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from infra.embedded.files import locked, read_json, write_json


def change(path: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    """Edit the content in place; nobody else does so meanwhile."""
    with locked(path.with_suffix(".lock")):
        content = read_json(path)
        before = repr(content)
        edit(content)
        if repr(content) != before:
            write_json(path, content)


def record_pid(path: Path, program: str, pid: int) -> None:
    """Put the pid of a program that has just started into the file, if the file speaks of it."""

    def edit(content: dict[str, Any]) -> None:
        entry = _entries(content).get(program)
        if entry is not None:
            entry["pid"] = pid

    change(path, edit)


def _entries(content: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The places of pids, by program."""
    entries: dict[str, dict[str, Any]] = dict(content.get("servers", {}))
    for service, instances in content.get("services", {}).items():
        for number, instance in enumerate(instances, start=1):
            entries[program_name(service, number)] = instance
    return entries


def program_name(service: str, number: int) -> str:
    """The supervisor's name for an instance of a service, counted from 1: `registry`, `registry-2`."""
    return service if number == 1 else f"{service}-{number}"


def service_of(program: str) -> str:
    """The service that `program_name` was given."""
    name, dash, number = program.rpartition("-")
    return name if dash and number.isdecimal() else program


def names_of(program: str) -> set[str]:
    """What a person may call a program: its own name, its service's, and its number as well where it is the first."""
    service = service_of(program)
    return {program, service, f"{service}-1" if program == service else program}
