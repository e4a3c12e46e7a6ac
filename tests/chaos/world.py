"""All processes of a platform under faults: servers, services, and where Go is there a proxy before each server."""

import os
import shutil
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psutil

from tests.chaos import platform, proxied
from tests.chaos.platform import Platform
from tests.chaos.toxiproxy import Proxy


@dataclass(frozen=True)
class World:
    """Programs have the supervisors' names; `proxies` are by server, none where Toxiproxy can't be had."""

    servers: Platform
    services: Platform
    proxies: Mapping[str, Proxy] = field(default_factory=dict[str, Proxy])

    @property
    def connections(self) -> dict[str, Any]:
        """How to reach the servers."""
        return self.servers.connections

    @property
    def programs(self) -> list[str]:
        return [*self.servers.servers, *self.services.services]

    def of(self, program: str) -> Platform:
        """The stack that runs a program."""
        return self.servers if program in self.servers.servers else self.services

    def pid(self, program: str) -> int | None:
        return self.of(program).pid(program)

    def family(self, program: str) -> list[psutil.Process]:
        """What a machine that sleeps takes with it: a server with its children, which may answer without it."""
        pid = self.pid(program)
        if pid is None:
            return []
        children = self.servers.offspring(program) if program in self.servers.servers else []
        return [psutil.Process(pid), *children]

    def reasons(self, program: str) -> dict[str, str]:
        return self.of(program).reasons(program)


@contextmanager
def running(environ: Mapping[str, str]) -> Generator[World]:
    """A whole platform, gone at the end of the block."""
    if shutil.which("go", path=os.environ.get("PATH")) is None:
        with platform.running(environ) as one:
            yield World(one, one)
        return
    with proxied.running(environ) as two:
        yield World(two.servers, two.services, two.proxies)
