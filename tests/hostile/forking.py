"""Inside the sandbox: a child that has imported its libraries once, and forks a process for each file.

Started as `forking.py <socket's descriptor> <modules>`; messages on the socket, in JSON:

- `{"do": "fork"}` with two descriptors, the new process' end of its link and what it prints to; answered with its pid;
- `{"do": "end", "pid": …, "kill": …}`: answered with how it ended, as `subprocess` counts, or null while it runs.
"""

import array
import contextlib
import importlib
import io
import json
import os
import signal
import socket
import sys
import traceback
from typing import Any

from child.confining import confine
from child.main import main as serve

_IDLE_S = "60"


def main() -> None:
    confine()
    for module in sys.argv[2:]:
        importlib.import_module(module)
    link = socket.socket(fileno=int(sys.argv[1]))
    link.send(b"{}")
    while True:
        raw, ancillary, _, _ = link.recvmsg(4096, socket.CMSG_SPACE(8))
        if not raw:
            return
        asked = json.loads(raw)
        if asked["do"] == "fork":
            end, printed = array.array("i", ancillary[0][2])
            pid = os.fork()
            if not pid:
                link.close()
                _be_a_child(end, printed)
            os.close(end)
            os.close(printed)
            link.send(json.dumps({"pid": pid}).encode())
        else:
            link.send(json.dumps({"status": _ended(asked)}).encode())


def _ended(asked: dict[str, Any]) -> int | None:
    if asked["kill"]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(asked["pid"], signal.SIGKILL)
    try:
        pid, status = os.waitpid(asked["pid"], 0 if asked["kill"] else os.WNOHANG)
    except ChildProcessError:
        return 255
    return os.waitstatus_to_exitcode(status) if pid else None


def _be_a_child(end: int, printed: int) -> None:
    """What `child.main` does, and how its interpreter would end. Never returns."""
    os.dup2(printed, 1)
    os.dup2(printed, 2)
    os.close(printed)
    # What they were made for may have been a file.
    sys.stdout, sys.stderr = (io.TextIOWrapper(io.FileIO(number, "w", closefd=False)) for number in (1, 2))
    sys.argv = ["child", str(end), _IDLE_S]
    status = 1
    try:
        serve()
        status = 0
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else int(bool(ended.code))
    except BaseException:  # noqa: BLE001 - as an interpreter does at its end
        traceback.print_exc()
    with contextlib.suppress(BaseException):
        sys.stdout.flush()
    os._exit(status)


main()
