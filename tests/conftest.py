"""Real servers for tests, each started when a test of this session first asks for it, all stopped at its end.

`kafka(principal)`, `mongo`, `s3` and `postgres` are the settings that a service would get; topics, principals, ACLs and
buckets are in place. The servers are shared: a test uses ids of its own (`new_name()`), and `service_environment(name)`
gives a process of ours the variables that `make up` would give it. `MLP_TEST_STACK=<folder>` keeps the servers of
that folder running from one session to the next.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pydantic import SecretStr

from chassis.settings import KafkaSettings, MongoSettings, PostgresSettings, S3Settings
from infra.embedded.stack import Stack

ROOT = Path(__file__).resolve().parents[1]


class Servers:
    """The session's servers."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self._running: set[str] = set()
        self._known: dict[str, Any] = {}

    def need(self, *names: str) -> dict[str, Any]:
        """Make sure that these run; what `stack.json` says of all that run."""
        if not self._running.issuperset(names):
            self._running |= set(names)
            self._known = self.stack.up(servers=self._running, services=())
        return self._known


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    kept = os.environ.get("MLP_TEST_STACK")
    environ = {name: value for name, value in os.environ.items() if not name.startswith("MLP_")}
    data = Path(kept) if kept else tmp_path_factory.mktemp("stack", numbered=True)
    stack = Stack(data, downloads=ROOT / ".downloads", environ=environ)
    yield Servers(stack)
    if not kept:
        stack.clean()


@pytest.fixture(scope="session")
def kafka(servers: Servers) -> Callable[[str], KafkaSettings]:
    """How one principal reaches Kafka."""

    def settings(principal: str) -> KafkaSettings:
        known = servers.need("kafka")["kafka"]
        return KafkaSettings(
            bootstrap_servers=known["bootstrap_servers"],
            security_protocol=known["security_protocol"],
            sasl_mechanism=known["sasl_mechanism"],
            username=principal,
            password=SecretStr(known["principals"][principal]["password"]),
            session_timeout_ms=6_000,
        )

    return settings


@pytest.fixture(scope="session")
def mongo(servers: Servers) -> MongoSettings:
    return MongoSettings(url=SecretStr(servers.need("mongo")["mongo"]["url"]))


@pytest.fixture(scope="session")
def s3(servers: Servers) -> S3Settings:
    known = servers.need("s3")["s3"]
    return S3Settings(
        endpoint=known["endpoint"],
        access_key=SecretStr(known["access_key"]),
        secret_key=SecretStr(known["secret_key"]),
    )


@pytest.fixture(scope="session")
def postgres(servers: Servers) -> PostgresSettings:
    return PostgresSettings(dsn=SecretStr(servers.need("postgres")["postgres"]["dsn"]))


@pytest.fixture(scope="session")
def service_environment(servers: Servers) -> Callable[[str], dict[str, str]]:
    """The environment of a process of ours, as `make up` would set it, on these servers; its page on a free port."""

    def environment(name: str) -> dict[str, str]:
        known = servers.need("kafka", "mongo", "s3", "postgres")
        bus, objects = known["kafka"], known["s3"]
        return {
            **os.environ,
            "MLP_KAFKA_BOOTSTRAP_SERVERS": bus["bootstrap_servers"],
            "MLP_KAFKA_USERNAME": name,
            "MLP_KAFKA_PASSWORD": bus["principals"][name]["password"],
            "MLP_KAFKA_SESSION_TIMEOUT_MS": "6000",
            "MLP_MONGO_URL": known["mongo"]["url"],
            "MLP_S3_ENDPOINT": objects["endpoint"],
            "MLP_S3_ACCESS_KEY": objects["access_key"],
            "MLP_S3_SECRET_KEY": objects["secret_key"],
            "MLP_POSTGRES_DSN": known["postgres"]["dsn"],
            "MLP_HTTP_PORT": "0",
        }

    return environment


@pytest.fixture
def new_name() -> Callable[[], str]:
    """An id that no other test uses."""
    return lambda: f"t-{uuid4().hex[:12]}"
