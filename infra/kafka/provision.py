"""Makes topics, principals and ACLs from `schemas/topics.py`; run again, it changes only what differs.

As a program it takes the cluster from `MLP_KAFKA_BOOTSTRAP_SERVERS`, `MLP_KAFKA_SECURITY_PROTOCOL`,
`MLP_KAFKA_SASL_MECHANISM`, `MLP_KAFKA_SSL_CAFILE`, `MLP_KAFKA_ADMIN_USERNAME` and `MLP_KAFKA_ADMIN_PASSWORD`, the
number of partitions from `MLP_KAFKA_PARTITIONS`, and a principal's password from `MLP_KAFKA_<PRINCIPAL>_PASSWORD`.
"""

# pyright: reportPrivateImportUsage=false
# confluent_kafka.admin documents these names but doesn't list them in `__all__`.

import os
import sys
from collections.abc import Iterable, Mapping
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
    NewTopic,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialAlteration,
    UserScramCredentialUpsertion,
)

from infra.kafka.acls import Acl, desired_acls
from infra.kafka.cluster import Cluster, cluster_from, passwords_from
from infra.kafka.probe import list_topics
from schemas.topics import PRINCIPALS, TOPICS, Topic

PRODUCTION_PARTITIONS: Final = 12
REQUEST_TIMEOUT_S: Final = 30.0
SCRAM_ITERATIONS: Final = 8192
BROKERS_OWN_REPLICATION: Final = -1


def provision(
    cluster: Cluster,
    *,
    passwords: Mapping[str, str],
    partitions: int = PRODUCTION_PARTITIONS,
    topics: Iterable[Topic] = TOPICS,
) -> None:
    """Bring the cluster to what `topics` says.

    Args:
        cluster: where, as somebody who may administer it; without a name, principals and ACLs are left out.
        passwords: by principal; one that isn't named keeps the password it has.
        partitions: of topics that don't exist yet; a count never changes once made.
        topics: the table.

    Raises:
        KafkaException: the cluster refused, or didn't answer in time.
    """
    declared = tuple(topics)
    admin = AdminClient(cluster.client_config())
    _make_topics(admin, declared, partitions)
    _set_topic_settings(admin, declared)
    if cluster.username is not None:
        _set_passwords(admin, passwords)
        _set_acls(admin, desired_acls(declared))
        # The controller has them now; a broker that hasn't read them yet would turn a service away at its first try.
        for name, password in passwords.items():
            list_topics(replace(cluster, username=name, password=password))


def _make_topics(admin: AdminClient, topics: tuple[Topic, ...], partitions: int) -> None:
    new = [NewTopic(t.name, partitions, BROKERS_OWN_REPLICATION, config=t.settings()) for t in topics]
    for future in admin.create_topics(new, request_timeout=REQUEST_TIMEOUT_S).values():
        try:
            future.result()
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise


def _set_topic_settings(admin: AdminClient, topics: tuple[Topic, ...]) -> None:
    desired = {topic.name: topic.settings() for topic in topics}
    described = admin.describe_configs([_resource(name) for name in desired], request_timeout=REQUEST_TIMEOUT_S)
    drifted: list[ConfigResource] = []
    for resource, future in described.items():
        current: dict[str, ConfigEntry] = future.result()
        settings = desired[str(resource.name)]
        changes = {name: value for name, value in settings.items() if current[name].value != value}
        if changes:
            drifted.append(_resource(str(resource.name), changes))
    if drifted:
        _await(admin.incremental_alter_configs(drifted, request_timeout=REQUEST_TIMEOUT_S).values())


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
        provision(cluster, passwords=passwords_from(os.environ), partitions=partitions)
    except KeyError as error:
        sys.stderr.write(f"kafka: set {error.args[0]} to the cluster that is to be provisioned\n")
        return 1
    except KafkaException as error:
        sys.stderr.write(f"kafka: {error.args[0]}\n")
        return 1
    sys.stdout.write(f"kafka: {len(TOPICS)} topics, their principals and ACLs are in place\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
