"""What every part of the stack has: a way to reach it, and where it is ours, a way to run it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from infra.embedded.credentials import Credentials
from infra.embedded.layout import Layout
from infra.embedded.ports import Ports
from infra.embedded.program import Program


def _ignore(_part: str, _step: str) -> None:
    return


@dataclass(frozen=True)
class Context:
    """What servers are built from."""

    layout: Layout
    environ: Mapping[str, str]
    ports: Ports
    credentials: Credentials
    tell: Callable[[str, str], None] = field(default=_ignore)
    """Takes a part and a few words on what it is doing."""
    note: Callable[[str, str], None] = field(default=_ignore)
    """Takes a part and what a person who waits wants to know."""


class Connection(Protocol):
    """How clients reach a server, embedded or not. Calls block."""

    @property
    def url(self) -> str:
        """For people: where it is, without secrets."""
        ...

    def probe(self) -> None:
        """Do one real round trip, or raise `NotReady`."""
        ...

    def provision(self) -> None:
        """Make what services expect to find; nothing if it is there."""
        ...

    def described(self) -> dict[str, Any]:
        """Its section of `stack.json`."""
        ...

    def settings(self, service: str) -> dict[str, str]:
        """The environment variables that lead `service` here."""
        ...


class Server(Protocol):
    """How an embedded server is run."""

    @property
    def ports(self) -> tuple[str, ...]:
        """Names of the ports it listens on."""
        ...

    def prepare(self) -> None:
        """Make its folders and configuration; at first start, what else it needs."""
        ...

    def program(self) -> Program: ...


@dataclass(frozen=True)
class Part:
    """A server of the stack; `server` is None where the settings point at one that isn't ours."""

    name: str
    connection: Connection
    server: Server | None
