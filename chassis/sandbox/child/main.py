"""The sandboxed child: answers its parent until its socket closes or nobody asks for a while.

Started as `python -m child.main <socket's descriptor> <idle seconds>`; it trusts its parent, not the reverse.
"""

import io
import socket
import sys

from .confining import confine
from .ops import Link
from .session import Session


def main() -> None:
    confine()
    end = socket.socket(fileno=int(sys.argv[1]))
    end.settimeout(float(sys.argv[2]))
    if isinstance(sys.stdout, io.TextIOWrapper):
        # What a model prints is read while it runs.
        sys.stdout.reconfigure(line_buffering=True, errors="backslashreplace")
    link = Link(end)
    session = Session(link)
    try:
        while True:
            session.answer(*link.receive())
    except (EOFError, TimeoutError, BrokenPipeError):
        return


if __name__ == "__main__":
    main()
