"""The platform with a Toxiproxy before each server: its services reach nothing but by way of these."""

import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import psutil

from infra.embedded.kafka import ADVERTISED_VARIABLE
from infra.embedded.parts import SERVERS
from infra.embedded.ports import HOST, Ports, variable_of
from tests.chaos import platform, toxiproxy
from tests.chaos.platform import Platform
from tests.chaos.toxiproxy import Proxy

# One of each, with a session short enough for a test to sit out.
ONE_OF_EACH: Final[Mapping[str, str]] = {
    "MLP_SPARK_MASTER": "local[1,4]",
    "MLP_KAFKA_SESSION_TIMEOUT_MS": "6000",
}


@dataclass(frozen=True)
class Proxied:
    """Two stacks: one of servers alone, one of services alone, and between them a proxy for each server."""

    servers: Platform
    services: Platform
    proxies: Mapping[str, Proxy]

    @contextmanager
    def frozen(self, server: str) -> Generator[None]:
        """A server and its children, which PostgreSQL lets answer, stopped as by a machine that sleeps."""
        parent = psutil.Process(self.servers.pid(server))
        family = [parent, *parent.children(recursive=True)]
        for each in family:
            each.suspend()
        try:
            yield
        finally:
            for each in family:
                each.resume()


@contextmanager
def running(environ: Mapping[str, str] = ONE_OF_EACH, **which: Any) -> Generator[Proxied]:
    """A platform behind proxies, gone at the end of the block. `which` says which services, as for `Stack.up`."""
    with tempfile.TemporaryDirectory() as folder, toxiproxy.running() as program:
        ports = Ports(Path(folder) / "ports.json", {})
        proxies = {name: program.before(name, ports.get(name)) for name in SERVERS}
        fixed = {variable_of(name): str(ports.get(name)) for name in SERVERS}
        fixed[ADVERTISED_VARIABLE] = str(proxies["kafka"].port)
        with platform.running({**environ, **fixed}, services=()) as servers:
            addresses = _by_way_of(proxies, servers.connections)
            with platform.running({**environ, **addresses}, **which) as services:
                yield Proxied(servers, services, proxies)


def _by_way_of(proxies: Mapping[str, Proxy], connections: Mapping[str, Any]) -> dict[str, str]:
    """The settings that lead services to the servers of another stack, through their proxies."""
    principals: Mapping[str, Mapping[str, str]] = connections["kafka"]["principals"]
    passwords = {f"MLP_KAFKA_{name.upper()}_PASSWORD": each["password"] for name, each in principals.items()}
    return {
        **passwords,
        "MLP_KAFKA_BOOTSTRAP_SERVERS": _at(proxies["kafka"]),
        # A driver that is told of a replica set goes to the address that its members give: past the proxy.
        "MLP_MONGO_URL": f"mongodb://{_at(proxies['mongo'])}/?directConnection=true&w=majority&journal=true",
        "MLP_S3_ENDPOINT": f"http://{_at(proxies['s3'])}",
        "MLP_S3_ACCESS_KEY": connections["s3"]["access_key"],
        "MLP_S3_SECRET_KEY": connections["s3"]["secret_key"],
        "MLP_POSTGRES_DSN": _moved(connections["postgres"]["dsn"], proxies["postgres"]),
    }


def _moved(dsn: str, proxy: Proxy) -> str:
    credentials = urlsplit(dsn).netloc.rpartition("@")[0]
    return urlsplit(dsn)._replace(netloc=f"{credentials}@{_at(proxy)}").geturl()


def _at(proxy: Proxy) -> str:
    return f"{HOST}:{proxy.port}"
