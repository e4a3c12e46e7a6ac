"""The bus: Apache Kafka itself, one node, with SCRAM and ACLs as in production."""

import base64
import shutil
import socket
import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from confluent_kafka import KafkaException

from infra.embedded.credentials import Credentials
from infra.embedded.errors import NotReady, StackError
from infra.embedded.files import write_private
from infra.embedded.jars import jars_of
from infra.embedded.java import java_executable
from infra.embedded.part import Context
from infra.embedded.ports import HOST
from infra.embedded.program import Program
from infra.embedded.tool import run_tool
from infra.kafka.cluster import Cluster, cluster_from, passwords_from
from infra.kafka.probe import list_topics, round_trip
from infra.kafka.provision import PRODUCTION_PARTITIONS, provision
from infra.kafka.replication import BROKERS_OWN, REPLICATION, complaint
from schemas.topics import PRINCIPALS

NAME: Final = "kafka"
VARIABLE: Final = "MLP_KAFKA_BOOTSTRAP_SERVERS"
PARTITIONS_VARIABLE: Final = "MLP_KAFKA_PARTITIONS"
ADVERTISED_VARIABLE: Final = "MLP_KAFKA_ADVERTISED_PORT"
EMBEDDED_PARTITIONS: Final = 4
ADMIN: Final = "admin"
_HERE: Final = Path(__file__).parent
_JVM: Final = ("-Xmx384m", "-Xms128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
_TOOL_JVM: Final = ("-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
_CONNECT_S: Final = 1.0


@dataclass(frozen=True)
class KafkaConnection:
    cluster: Cluster
    """As its administrator if we provision it, else as whoever the settings name, or nobody."""
    passwords: Mapping[str, str]
    partitions: int
    administered: bool
    shared_username: str | None = None
    """On a cluster that knows none of our principals: everybody signs in as this one."""
    replication: int | None = None
    """How often partitions are to be there on a cluster of one's own, where it matters; None: on one machine."""

    @property
    def url(self) -> str:
        return self.cluster.bootstrap_servers

    def probe(self) -> None:
        host, _, port = self.cluster.bootstrap_servers.split(",")[0].rpartition(":")
        try:
            # A closed port is told at once; librdkafka would go on trying for seconds.
            socket.create_connection((host, int(port)), timeout=_CONNECT_S).close()
            if self.administered:
                round_trip(self.cluster)
            else:
                list_topics(self.cluster)
        except KafkaException as error:
            raise NotReady(error.args[0].str()) from error
        except OSError as error:
            raise NotReady(str(error)) from error

    def provision(self) -> None:
        if not self.administered:
            return
        replication = BROKERS_OWN if self.replication is None else self.replication
        try:
            replicas = provision(
                self.cluster, passwords=self.passwords, partitions=self.partitions, replication=replication
            )
        except KafkaException as error:
            raise NotReady(error.args[0].str()) from error
        weak = None if self.replication is None else complaint(replicas)
        if weak is not None:
            sys.stderr.write(f"kafka: WARNING: {weak}\n")

    def described(self) -> dict[str, Any]:
        return {
            "bootstrap_servers": self.cluster.bootstrap_servers,
            "security_protocol": self.cluster.security_protocol,
            "sasl_mechanism": self.cluster.sasl_mechanism,
            "principals": {name: {"password": password} for name, password in self.passwords.items()},
        }

    def settings(self, service: str) -> dict[str, str]:
        address = {
            VARIABLE: self.cluster.bootstrap_servers,
            "MLP_KAFKA_SECURITY_PROTOCOL": self.cluster.security_protocol,
        }
        if service not in self.passwords:
            return address
        return address | {
            "MLP_KAFKA_SASL_MECHANISM": self.cluster.sasl_mechanism,
            "MLP_KAFKA_USERNAME": self.shared_username or service,
            "MLP_KAFKA_PASSWORD": self.passwords[service],
        }


class KafkaServer:
    ports = (NAME, "kafka-controller")

    def __init__(self, context: Context) -> None:
        self._context = context
        self._home = context.layout.of(NAME)
        self._properties = self._home / "server.properties"

    def prepare(self) -> None:
        self._home.mkdir(parents=True, exist_ok=True)
        self._jars()
        write_private(self._properties, self._rendered())
        stamp = self._home / "formatted"
        if not stamp.exists():
            self._context.tell(NAME, "formatting its storage")
            self._format()
            stamp.touch()

    def _jars(self) -> Path:
        return jars_of(NAME, context=self._context, size="43 MB", instead=f"point {VARIABLE} at a server of your own")

    def _rendered(self) -> str:
        client, controller = (self._context.ports.get(name) for name in self.ports)
        password = self._context.credentials.get("kafka.admin")
        module = "org.apache.kafka.common.security"
        scram = f'{module}.scram.ScramLoginModule required username="{ADMIN}" password="{password}";'
        plain = f'{module}.plain.PlainLoginModule required username="{ADMIN}" password="{password}"'
        settings = {
            "controller.quorum.voters": f"1@{HOST}:{controller}",
            "listeners": f"CLIENT://{HOST}:{client},CONTROLLER://{HOST}:{controller}",
            "advertised.listeners": f"CLIENT://{HOST}:{self._advertised(client)}",
            "log.dirs": str(self._home / "log"),
            "listener.name.client.scram-sha-512.sasl.jaas.config": scram,
            "listener.name.controller.plain.sasl.jaas.config": f'{plain} user_{ADMIN}="{password}";',
        }
        lines = [f"{key}={value.replace(chr(92), chr(92) * 2)}" for key, value in settings.items()]
        return (_HERE / "kafka.properties").read_text() + "\n" + "\n".join(lines) + "\n"

    def _advertised(self, client: int) -> str:
        # Clients follow what the broker advertises: past a proxy before it, unless it advertises the proxy's port.
        return self._context.environ.get(ADVERTISED_VARIABLE) or str(client)

    def _format(self) -> None:
        # Left by a first start that was stopped in the middle.
        shutil.rmtree(self._home / "log", ignore_errors=True)
        cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        password = self._context.credentials.get("kafka.admin")
        # From a file, since a command line can be read by anybody on the machine.
        arguments = self._home / "format.arguments"
        words = ["format", f"--cluster-id={cluster_id}", "--config", str(self._properties)]
        words += ["--add-scram", f"SCRAM-SHA-512=[name={ADMIN},password={password}]"]
        write_private(arguments, "\n".join(words) + "\n")
        try:
            command = [*self._java(_TOOL_JVM), "kafka.tools.StorageTool", f"@{arguments}"]
            run_tool(command, context=self._context, part=NAME, folder=self._home)
        finally:
            arguments.unlink()

    def program(self) -> Program:
        command = (*self._java(_JVM), "kafka.Kafka", str(self._properties))
        return Program(name=NAME, command=command, folder=self._home, stop_wait_s=15)

    def _java(self, options: tuple[str, ...]) -> list[str]:
        return [
            java_executable(self._context.environ, part=NAME),
            *options,
            f"-Dlog4j2.configurationFile={_HERE / 'log4j2.properties'}",
            *("-cp", f"{self._context.layout.downloads / NAME}/*"),
        ]

    def connection(self) -> KafkaConnection:
        secret = self._context.credentials.get
        cluster = Cluster(
            bootstrap_servers=f"{HOST}:{self._context.ports.get(NAME)}",
            username=ADMIN,
            password=secret("kafka.admin"),
        )
        partitions = int(self._context.environ.get(PARTITIONS_VARIABLE, EMBEDDED_PARTITIONS))
        passwords = {principal: secret(f"kafka.{principal}") for principal in PRINCIPALS}
        return KafkaConnection(cluster, passwords, partitions, administered=True)


def external(environ: Mapping[str, str], credentials: Credentials) -> KafkaConnection | None:
    """The cluster that the settings point at (README.md, "A Kafka of one's own")."""
    if not environ.get(VARIABLE):
        return None
    cluster = cluster_from(environ)
    given = passwords_from(environ)
    partitions = int(environ.get(PARTITIONS_VARIABLE, PRODUCTION_PARTITIONS))
    replication = int(environ.get(REPLICATION) or BROKERS_OWN)
    if cluster.username is not None:
        passwords = {p: given.get(p) or credentials.get(f"kafka.{p}") for p in PRINCIPALS}
        return KafkaConnection(cluster, passwords, partitions, administered=True, replication=replication)
    if "SASL" not in cluster.security_protocol:
        return KafkaConnection(cluster, {}, partitions, administered=True, replication=replication)
    shared = environ.get("MLP_KAFKA_USERNAME")
    if shared:
        password = environ.get("MLP_KAFKA_PASSWORD", "")
        signed_in = replace(cluster, username=shared, password=password)
        everybody: dict[str, str] = dict.fromkeys(PRINCIPALS, password)
        return KafkaConnection(signed_in, everybody, partitions, administered=False, shared_username=shared)
    if not given:
        remedy = "set MLP_KAFKA_ADMIN_USERNAME and _PASSWORD, or MLP_KAFKA_USERNAME and _PASSWORD"
        raise StackError(NAME, f"{VARIABLE} is set without credentials", remedy=remedy)
    name, password = next(iter(given.items()))
    signed_in = replace(cluster, username=name, password=password)
    return KafkaConnection(signed_in, given, partitions, administered=False)
