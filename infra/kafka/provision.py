"""Makes topics, principals and ACLs from `schemas/topics.py`; run again, it changes only what differs.

As a program it takes the cluster from `MLP_KAFKA_BOOTSTRAP_SERVERS`, `MLP_KAFKA_SECURITY_PROTOCOL`,
`MLP_KAFKA_SASL_MECHANISM`, `MLP_KAFKA_SSL_CAFILE`, `MLP_KAFKA_ADMIN_USERNAME` and `MLP_KAFKA_ADMIN_PASSWORD`, the
number of partitions from `MLP_KAFKA_PARTITIONS`, how often each is there from `MLP_KAFKA_REPLICATION`, and a
principal's password from `MLP_KAFKA_<PRINCIPAL>_PASSWORD`. With `MLP_KAFKA_PRODUCTION=1` fewer than three replicas
are an error.
"""

# pyright: reportPrivateImportUsage=false
# confluent_kafka.admin documents these names but doesn't list them in `__all__`.

import os
import sys
import time
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from concurrent.futures import Future
from dataclasses import replace
from typing import Any, Final, cast

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ConfigSource,
    NewTopic,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialAlteration,
    UserScramCredentialUpsertion,
)

from infra.kafka.acls import Acl, desired_acls
from infra.kafka.cluster import Cluster, cluster_from, passwords_from
from infra.kafka.probe import list_topics
from infra.kafka.replication import BROKERS_OWN, TooFewReplicas, complaint, is_production, replication_from
from schemas.topics import PRINCIPALS, TOPICS, Topic

PRODUCTION_PARTITIONS: Final = 12
REQUEST_TIMEOUT_S: Final = 30.0
SCRAM_ITERATIONS: Final = 8192
_VISIBLE_S: Final = 30.0
_LOOK_AGAIN_S: Final = 0.2


def provision(
    cluster: Cluster,
    *,
    passwords: Mapping[str, str],
    partitions: int = PRODUCTION_PARTITIONS,
    replication: int = BROKERS_OWN,
    topics: Iterable[Topic] = TOPICS,
) -> dict[str, int]:
    """Bring the cluster to what `topics` says.

    Args:
        cluster: where, as somebody who may administer it; without a name, principals and ACLs are left out.
        passwords: by principal; one that isn't named keeps the password it has.
        partitions: of topics that don't exist yet; a count never changes once made.
        replication: how often a partition of such a topic is there; the broker's own default, if it isn't said.
        topics: the table.

    Returns:
        How often the partitions of each topic are there; of the rarest, where they differ.

    Raises:
        KafkaException: the cluster refused, or didn't answer in time.
    """
    declared = tuple(topics)
    admin = AdminClient(cluster.client_config())
    _make_topics(admin, declared, partitions, replication)
    replicas = _replicas(admin, {topic.name for topic in declared})
    _set_topic_settings(admin, declared, replicas)
    if cluster.username is not None:
        _set_passwords(admin, passwords)
        _set_acls(admin, desired_acls(declared))
        # The controller has them now; a broker that hasn't read them yet would turn a service away at its first try.
        for name, password in passwords.items():
            list_topics(replace(cluster, username=name, password=password))
    return replicas


def _make_topics(admin: AdminClient, topics: tuple[Topic, ...], partitions: int, replication: int) -> None:
    new = [NewTopic(t.name, partitions, replication, config=t.settings(replicas=replication)) for t in topics]
    for future in admin.create_topics(new, request_timeout=REQUEST_TIMEOUT_S).values():
        try:
            future.result()
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise


def _replicas(admin: AdminClient, names: AbstractSet[str]) -> dict[str, int]:
    """How often the partitions of topics are there. A broker shows a topic a moment after the controller made it."""
    deadline = time.monotonic() + _VISIBLE_S
    while True:
        seen = admin.list_topics(timeout=REQUEST_TIMEOUT_S).topics
        shown = {name: seen[name].partitions.values() for name in names if name in seen and seen[name].partitions}
        if len(shown) == len(names):
            return {name: min(len(each.replicas) for each in partitions) for name, partitions in shown.items()}
        if time.monotonic() > deadline:
            missing = ", ".join(sorted(names - shown.keys()))
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT, f"made and not to be seen: {missing}"))  # noqa: SLF001
        time.sleep(_LOOK_AGAIN_S)


def _set_topic_settings(admin: AdminClient, topics: tuple[Topic, ...], replicas: Mapping[str, int]) -> None:
    desired = {topic.name: topic.settings(replicas=replicas[topic.name]) for topic in topics}
    described = admin.describe_configs([_resource(name) for name in desired], request_timeout=REQUEST_TIMEOUT_S)
    drifted: list[ConfigResource] = []
    for resource, future in described.items():
        current: dict[str, ConfigEntry] = future.result()
        settings = desired[str(resource.name)]
        changes = {name: value for name, value in settings.items() if not _is_set(current.get(name), value)}
        if changes:
            drifted.append(_resource(str(resource.name), changes))
    if drifted:
        _await(admin.incremental_alter_configs(drifted, request_timeout=REQUEST_TIMEOUT_S).values())


def _is_set(entry: ConfigEntry | None, value: str) -> bool:
    """Whether the topic itself says so: a broker's default may be another one tomorrow."""
    return (
        entry is not None and entry.value == value and ConfigSource(entry.source) is ConfigSource.DYNAMIC_TOPIC_CONFIG
    )


def _resource(topic: str, changes: Mapping[str, str] | None = None) -> ConfigResource:
    entries = [
        ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET) for name, value in (changes or {}).items()
    ]
    return ConfigResource("topic", topic, incremental_configs=entries)


def _set_passwords(admin: AdminClient, passwords: Mapping[str, str]) -> None:
    mechanism = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, SCRAM_ITERATIONS)
    upserts: list[UserScramCredentialAlteration] = [
        UserScramCredentialUpsertion(name, mechanism, password.encode()) for name, password in passwords.items()
    ]
    if upserts:
        _await(admin.alter_user_scram_credentials(upserts, request_timeout=REQUEST_TIMEOUT_S).values())


def _set_acls(admin: AdminClient, desired: set[Acl]) -> None:
    """ACLs of our principals that the table doesn't ask for are taken away; others' are left alone."""
    any_text = cast("str", None)  # the stubs forget that None matches all
    anything = AclBindingFilter("ANY", any_text, "ANY", any_text, any_text, "ANY", "ANY")
    described: list[AclBinding] = admin.describe_acls(anything, request_timeout=REQUEST_TIMEOUT_S).result()
    ours = {f"User:{principal}" for principal in PRINCIPALS}
    current = {binding for binding in described if binding.principal in ours}
    wanted = {_binding(acl) for acl in desired}
    if missing := wanted - current:
        _await(admin.create_acls(list(missing), request_timeout=REQUEST_TIMEOUT_S).values())
    if stale := current - wanted:
        filters = [AclBindingFilter(*_fields(binding)) for binding in stale]
        _await(admin.delete_acls(filters, request_timeout=REQUEST_TIMEOUT_S).values())


def _binding(acl: Acl) -> AclBinding:
    return AclBinding(acl.resource, acl.name, acl.pattern, f"User:{acl.principal}", "*", acl.operation, "ALLOW")


def _fields(acl: AclBinding) -> tuple[Any, ...]:
    return (
        acl.restype,
        acl.name,
        acl.resource_pattern_type,
        acl.principal,
        acl.host,
        acl.operation,
        acl.permission_type,
    )


def _await(futures: Iterable[Future[Any]]) -> None:
    for future in futures:
        future.result()


def main() -> int:
    """Provision the cluster of the environment; exit code 0 or 1."""
    try:
        cluster = cluster_from(os.environ)
        partitions = int(os.environ.get("MLP_KAFKA_PARTITIONS", PRODUCTION_PARTITIONS))
        replication, passwords = replication_from(os.environ), passwords_from(os.environ)
        replicas = provision(cluster, passwords=passwords, partitions=partitions, replication=replication)
    except KeyError as error:
        sys.stderr.write(f"kafka: set {error.args[0]} to the cluster that is to be provisioned\n")
        return 1
    except (KafkaException, TooFewReplicas) as error:
        sys.stderr.write(f"kafka: {error.args[0]}\n")
        return 1
    weak = complaint(replicas)
    if weak is not None:
        sys.stderr.write(f"kafka: {'ERROR' if is_production(os.environ) else 'WARNING'}: {weak}\n")
        if is_production(os.environ):
            return 1
    sys.stdout.write(f"kafka: {len(TOPICS)} topics, their principals and ACLs are in place\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
