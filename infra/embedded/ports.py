"""Ports: chosen free at first start and kept, or fixed by a variable."""

import random
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from infra.embedded.errors import StackError
from infra.embedded.files import locked, read_json, write_json

HOST: Final = "127.0.0.1"
# Below the ports that the kernel hands out to clients, so that a kept port is still free at the next start.
_FIRST, _LAST = 15000, 32000
_ATTEMPTS: Final = 1000


def variable_of(name: str) -> str:
    """The setting that fixes the port called `name`: `s3-master` is fixed by `MLP_S3_MASTER_PORT`."""
    return f"MLP_{name.upper().replace('-', '_')}_PORT"


def is_free(port: int) -> bool:
    """Whether a server could listen on `port` now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as candidate:
        # As servers do it: a port that only closing connections hold is free.
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind((HOST, port))
        except OSError:
            return False
        return True


class Ports:
    """Ports by name, in a file."""

    def __init__(self, path: Path, environ: Mapping[str, str]) -> None:
        self._path, self._environ = path, environ

    def get(self, name: str) -> int:
        """The port called `name`, always the same until `renew` says otherwise."""
        fixed = self._environ.get(variable_of(name))
        if fixed:
            return _port_number(name, fixed)
        with locked(self._path.with_suffix(".lock")):
            known = read_json(self._path)
            if name not in known:
                known[name] = _choose(taken=set(known.values()))
                write_json(self._path, known)
            return known[name]

    def make_free(self, name: str) -> None:
        """Choose another port for `name`, whose server doesn't run, if somebody else has taken it meanwhile.

        Raises:
            StackError: it is taken and fixed by a variable.
        """
        port = self.get(name)
        if is_free(port):
            return
        if self._environ.get(variable_of(name)):
            raise StackError(name, f"port {port} is taken", remedy=f"free it or change {variable_of(name)}")
        with locked(self._path.with_suffix(".lock")):
            known = read_json(self._path)
            known[name] = _choose(taken=set(known.values()))
            write_json(self._path, known)


def _choose(*, taken: set[int]) -> int:
    for _ in range(_ATTEMPTS):
        port = random.randrange(_FIRST, _LAST)  # noqa: S311
        if port not in taken and is_free(port):
            return port
    raise StackError("ports", f"none free from {_FIRST} to {_LAST}", remedy="stop what listens there")


def _port_number(name: str, text: str) -> int:
    if text.isdecimal() and 0 < int(text) < 65536:  # noqa: PLR2004
        return int(text)
    raise StackError(name, f"{variable_of(name)}={text} is no port", remedy="give a number from 1 to 65535")
