"""Becomes the program that a specification file describes: `python -m infra.embedded.launch FILE`."""

import json
import os
import sys
from pathlib import Path
from typing import Any, NoReturn


def become(specification: dict[str, Any]) -> NoReturn:
    """Replace this process, as another user where the specification names one."""
    environment = {**os.environ, **specification["environment"]}
    environment.pop("MLP_SPECIFICATION", None)
    if specification["uid"] is not None:
        os.setgroups([])
        os.setgid(specification["gid"])
        os.setuid(specification["uid"])
    os.chdir(specification["folder"])
    command: list[str] = specification["command"]
    os.execvpe(command[0], command, environment)  # noqa: S606


if __name__ == "__main__":
    become(json.loads(Path(sys.argv[1]).read_text()))
