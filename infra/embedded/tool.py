"""Short-lived commands that prepare a server."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from infra.embedded.account import Account
from infra.embedded.errors import StackError
from infra.embedded.orphans import MARKER
from infra.embedded.part import Context
from infra.embedded.supervision import inherited


def run_tool(
    command: Sequence[str], *, context: Context, part: str, folder: Path, account: Account | None = None
) -> None:
    """Run to the end; output goes to the part's log.

    Raises:
        StackError: it failed; the log's last line is told.
    """
    log = context.layout.logs / f"{part}-setup.log"
    with log.open("w") as output:
        done = subprocess.run(
            command,
            cwd=folder,
            env=tool_environment(context),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            check=False,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
    if done.returncode != 0:
        raise StackError(part, last_line(log) or f"{command[0]} failed", remedy=f"see {log}")


def tool_environment(context: Context) -> dict[str, str]:
    """The caller's environment with the stack's mark, so that a left-over tool is found and ended."""
    return {**inherited(context.environ), MARKER: context.layout.stack_id}


def last_line(log: Path) -> str:
    """The last line with anything on it, or nothing."""
    try:
        lines = log.read_text(errors="replace").split("\n")
    except FileNotFoundError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
