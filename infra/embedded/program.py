"""A process to be supervised, and the files that say so to the supervisor."""

import hashlib
import json
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from infra.embedded.account import Account
from infra.embedded.files import write_private
from infra.embedded.layout import Layout


@dataclass(frozen=True, kw_only=True)
class Program:
    """What to run, where, and how it is stopped: `stop_signal` first, and SIGKILL after `stop_wait_s`."""

    name: str
    command: tuple[str, ...]
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    account: Account | None = None
    stop_signal: Literal["TERM", "INT"] = "TERM"
    stop_wait_s: int = 10

    def specification(self) -> dict[str, Any]:
        """What `infra.embedded.launch` reads."""
        return {
            "command": list(self.command),
            "folder": str(self.folder),
            "environment": dict(self.environment),
            "uid": self.account.uid if self.account else None,
            "gid": self.account.gid if self.account else None,
        }


def install(program: Program, layout: Layout) -> None:
    """Write the program's files; `Supervisor.update` takes them up."""
    specification = json.dumps(program.specification(), indent=2, sort_keys=True)
    path = layout.programs / f"{program.name}.json"
    write_private(path, specification)
    digest = hashlib.sha256(specification.encode()).hexdigest()
    write_private(layout.programs / f"{program.name}.ini", _section(program, layout, path, digest))


def uninstall(name: str, layout: Layout) -> None:
    """Take the program's files away; `Supervisor.update` stops it."""
    for ending in (".ini", ".json"):
        (layout.programs / f"{name}{ending}").unlink(missing_ok=True)


def log_of(name: str, layout: Layout) -> Path:
    return layout.logs / f"{name}.log"


def escaped(value: object) -> str:
    """As supervisor's configuration wants it, where % begins an expansion."""
    return str(value).replace("%", "%%")


def _section(program: Program, layout: Layout, specification: Path, digest: str) -> str:
    # The command and its secrets are in the specification: nothing of it needs quoting here. Its digest is here so
    # that the supervisor sees a change.
    command = shlex.join([sys.executable, "-m", "infra.embedded.launch", str(specification)])
    settings = {
        "command": escaped(command),
        "directory": escaped(layout.root),
        "environment": f'MLP_SPECIFICATION="{digest}"',
        "autostart": "true",
        "autorestart": "true",
        "startsecs": "1",
        # A crash loop is retried a second later each time: a hundred times take more than an hour.
        "startretries": "100",
        "stopsignal": program.stop_signal,
        "stopwaitsecs": str(program.stop_wait_s),
        "stopasgroup": "false",
        "killasgroup": "true",
        "redirect_stderr": "true",
        "stdout_logfile": escaped(escaped(log_of(program.name, layout))),  # supervisor expands this one twice
        "stdout_logfile_maxbytes": "10MB",
        "stdout_logfile_backups": "1",
    }
    lines = [f"[program:{program.name}]", *(f"{key}={value}" for key, value in settings.items())]
    return "\n".join(lines) + "\n"
