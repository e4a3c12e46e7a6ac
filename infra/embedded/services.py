"""The platform's services as programs of the stack: the same code and settings as anywhere."""

import json
import sys
import urllib.error
import urllib.request
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from infra.embedded.errors import NotReady, StackError
from infra.embedded.layout import Layout
from infra.embedded.part import Connection, Context
from infra.embedded.ports import HOST
from infra.embedded.program import Program
from infra.embedded.stackfile import program_name

_PROBE_S: Final = 5.0
# The stack's own settings, which no service reads.
_OURS: Final = ("_INSTANCES", "_PORT")
# What is named after a part of a service instead of after itself.
_PARTS: Final = {"executor": ("MLP_SPARK_", "MLP_SCORING_")}
# Credentials reach a service only by the connections that it needs.
_CREDENTIALS: Final = ("_PASSWORD", "_USERNAME", "_ACCESS_KEY", "_SECRET_KEY", "_URL", "_DSN")


@dataclass(frozen=True)
class Service:
    """A service, the servers that it uses, and how long it may take to finish what is in hand."""

    name: str
    needs: tuple[str, ...]
    stop_wait_s: int = 15


SERVICES: Final = (
    Service("registry", ("kafka", "mongo", "s3")),
    Service("deployer", ("kafka", "mongo", "s3")),
    Service("executor", ("kafka", "mongo", "s3"), stop_wait_s=20),
    Service("metrics", ("kafka", "mongo", "postgres")),
)


@dataclass(frozen=True)
class Instance:
    """One process of a service, counted from 1."""

    service: Service
    number: int
    port: int

    @property
    def name(self) -> str:
        return program_name(self.service.name, self.number)

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def probe(self) -> None:
        probe(self.url)

    def program(self, context: Context, connections: Mapping[str, Connection]) -> Program:
        environment = _folders(self.service.name, context.layout)
        environment |= _settings_for(self.service.name, context.environ)
        for need in self.service.needs:
            environment |= connections[need].settings(self.service.name)
        environment |= {"MLP_HTTP_HOST": HOST, "MLP_HTTP_PORT": str(self.port), "PYTHONUNBUFFERED": "1"}
        return Program(
            name=self.name,
            command=(sys.executable, "-m", f"services.{self.service.name}"),
            folder=context.layout.root,
            environment=environment,
            stop_wait_s=self.service.stop_wait_s,
        )


def _folders(service: str, layout: Layout) -> dict[str, str]:
    """This stack's own, in place of those that all stacks of a machine would share."""
    if service != "executor":
        return {}
    return {"MLP_SCORING_CACHE_DIR": str(layout.artifacts), "MLP_SCORING_WORK_DIR": str(layout.drivers)}


def _settings_for(service: str, environ: Mapping[str, str]) -> dict[str, str]:
    """The caller's settings that this service may read: a change in the others doesn't restart it."""
    own = _PARTS.get(service, ())
    others = tuple(
        prefix
        for other in SERVICES
        if other.name != service
        for prefix in (f"MLP_{other.name.upper()}_", *_PARTS.get(other.name, ()))
    )
    return {
        name: value
        for name, value in environ.items()
        if name.startswith("MLP_")
        and not name.startswith(others)
        and (name.startswith(own) or not name.endswith((*_OURS, *_CREDENTIALS)))
    }


def probe(url: str) -> None:
    """Ask the service itself, which looks at all that it needs.

    Raises:
        NotReady: it says so, or nothing.
    """
    try:
        urllib.request.urlopen(f"{url}/health/ready", timeout=_PROBE_S).close()  # noqa: S310
    except urllib.error.HTTPError as error:
        raise NotReady(_reasons(error)) from error
    except OSError as error:
        raise NotReady(str(error)) from error


def instances(services: Iterable[Service], context: Context, *, running: Collection[str]) -> list[Instance]:
    """As many of each as `MLP_<SERVICE>_INSTANCES` says, each with a port of its own."""
    return [
        _instance(service, number, context, running=running)
        for service in services
        for number in range(1, _count(service.name, context.environ) + 1)
    ]


def _instance(service: Service, number: int, context: Context, *, running: Collection[str]) -> Instance:
    name = program_name(service.name, number)
    if name not in running:
        context.ports.make_free(name)
    return Instance(service, number, context.ports.get(name))


def _count(service: str, environ: Mapping[str, str]) -> int:
    variable = f"MLP_{service.upper()}_INSTANCES"
    text = environ.get(variable, "1")
    if text.isdecimal() and int(text) > 0:
        return int(text)
    raise StackError(service, f"{variable}={text} is no number of processes", remedy="give 1 or more")


def _reasons(error: urllib.error.HTTPError) -> str:
    """What a service says that it lacks, on one line."""
    body = error.read().decode(errors="replace").strip()
    try:
        return json.dumps(json.loads(body))
    except ValueError:
        return body or f"HTTP {error.code}"
