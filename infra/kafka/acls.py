"""The ACLs that the table of topics asks for; what isn't allowed here, the broker denies."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from schemas.topics import OPERATOR, PRINCIPALS, Topic

# librdkafka calls the cluster resource BROKER, and it has one name only.
CLUSTER_NAME: Final = "kafka-cluster"
EVERYTHING: Final = "*"

Operation = Literal["READ", "WRITE", "ALL"]
Resource = Literal["TOPIC", "GROUP", "TRANSACTIONAL_ID", "BROKER"]


@dataclass(frozen=True, kw_only=True)
class Acl:
    """`principal` may do `operation` from any host; field values are Kafka's own names."""

    principal: str
    operation: Operation
    resource: Resource
    name: str
    pattern: Literal["LITERAL", "PREFIXED"] = "LITERAL"


def desired_acls(topics: Iterable[Topic]) -> set[Acl]:
    """All that the platform's principals may do, and nothing else."""
    return {acl for topic in topics for acl in _topic_acls(topic)} | _group_acls() | _operator_acls()


def _topic_acls(topic: Topic) -> Iterator[Acl]:
    # READ and WRITE each imply DESCRIBE, and WRITE is all that an idempotent producer needs.
    for writer in topic.writers:
        yield Acl(principal=writer, operation="WRITE", resource="TOPIC", name=topic.name)
    for reader in topic.readers:
        yield Acl(principal=reader, operation="READ", resource="TOPIC", name=topic.name)


def _group_acls() -> set[Acl]:
    """A principal's groups begin with its own name: `gateway`, `gateway.projections`."""
    return {
        Acl(principal=principal, operation="READ", resource="GROUP", name=principal, pattern="PREFIXED")
        for principal in PRINCIPALS
        if principal != OPERATOR
    }


def _operator_acls() -> set[Acl]:
    resources: dict[Resource, str] = {
        "TOPIC": EVERYTHING,
        "GROUP": EVERYTHING,
        "TRANSACTIONAL_ID": EVERYTHING,
        "BROKER": CLUSTER_NAME,
    }
    return {
        Acl(principal=OPERATOR, operation="ALL", resource=resource, name=name) for resource, name in resources.items()
    }
