"""Runs inside the supervisor: keeps the pids in `stack.json` current."""

import sys
from pathlib import Path

from supervisor import events
from supervisor.supervisord import Supervisor

from infra.embedded.stackfile import record_pid


class Pids:
    """An interface without methods: what it does, it does on events."""

    def __init__(self, stack_file: Path) -> None:
        self._stack_file = stack_file

    def on_running(self, event: events.ProcessStateRunningEvent) -> None:
        try:
            record_pid(self._stack_file, event.process.config.name, event.process.pid)
        except (OSError, ValueError) as error:
            sys.stderr.write(f"{self._stack_file}: {error}\n")


def follow(_supervisor: Supervisor, stack_file: str) -> Pids:
    """The factory that the supervisor's configuration names."""
    pids = Pids(Path(stack_file))
    events.subscribe(events.ProcessStateRunningEvent, pids.on_running)
    return pids
