"""Every topic: who writes it, who reads it, what it keeps. Topics, principals and ACLs are made from this."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

REGISTRY, DEPLOYER, EXECUTOR, METRICS, GATEWAY = "registry", "deployer", "executor", "metrics", "gateway"
AIRFLOW, UPSTREAM, OPERATOR = "airflow", "upstream", "operator"

SERVICES: Final = (REGISTRY, DEPLOYER, EXECUTOR, METRICS, GATEWAY)
PRINCIPALS: Final = (*SERVICES, AIRFLOW, UPSTREAM, OPERATOR)

REQUEST_MAX_BYTES: Final = 512 * 1024
FACT_MAX_BYTES: Final = 1024 * 1024
DEAD_LETTER_MAX_BYTES: Final = 2 * 1024 * 1024

PRODUCTION_PARTITIONS: Final = 12
EMBEDDED_PARTITIONS: Final = 4

ANYONE: Final = frozenset({*SERVICES, AIRFLOW, UPSTREAM})
FOR_EVER: Final = None

# What was acknowledged survives a disk where two brokers had it, and a restart of one stops nobody where three may.
SAFE_REPLICATION: Final = 3


@dataclass(frozen=True, kw_only=True)
class Topic:
    """A topic as it is declared to the broker.

    `operator` may do everything everywhere and is in neither `writers` nor `readers`.
    `retention` of None keeps records for ever. `log_append_time` makes the broker stamp records, so that a
    writer can't backdate them. `refusals` names the topic where a refusal of what stands here goes.
    """

    name: str
    writers: frozenset[str]
    readers: frozenset[str]
    retention: timedelta | None
    max_message_bytes: int
    log_append_time: bool = False
    refusals: str | None = None

    def settings(self, *, replicas: int = 1) -> dict[str, str]:
        """The topic's configuration in Kafka's own names, for partitions that are there so many times."""
        retention_ms = -1 if self.retention is None else int(self.retention.total_seconds() * 1000)
        return {
            "cleanup.policy": "delete",
            "retention.ms": str(retention_ms),
            "max.message.bytes": str(self.max_message_bytes),
            "message.timestamp.type": "LogAppendTime" if self.log_append_time else "CreateTime",
            "min.insync.replicas": "2" if replicas >= SAFE_REPLICATION else "1",
            "unclean.leader.election.enable": "false",
        }


def _requests(name: str, *, writers: set[str], reader: str, refusals: str) -> Topic:
    return Topic(
        name=name,
        writers=frozenset(writers),
        readers=frozenset({reader}),
        retention=timedelta(days=7),
        max_message_bytes=REQUEST_MAX_BYTES,
        log_append_time=True,
        refusals=refusals,
    )


def _facts(name: str, writer: str) -> Topic:
    return Topic(
        name=name,
        writers=frozenset({writer}),
        readers=ANYONE,
        retention=FOR_EVER,
        max_message_bytes=FACT_MAX_BYTES,
    )


def _refusals(name: str, writer: str) -> Topic:
    return Topic(
        name=name,
        writers=frozenset({writer}),
        readers=ANYONE,
        retention=timedelta(days=30),
        max_message_bytes=FACT_MAX_BYTES,
    )


def _dead_letters(service: str) -> Topic:
    return Topic(
        name=dead_letter_topic(service),
        writers=frozenset({service}),
        readers=frozenset(),
        retention=timedelta(days=30),
        max_message_bytes=DEAD_LETTER_MAX_BYTES,
    )


def dead_letter_topic(service: str) -> str:
    """The topic that keeps what `service` could not read or handle."""
    return f"ml.{service}.dlq"


MODEL_REFUSALS: Final = _refusals("ml.model.refusals", REGISTRY)
DATASET_REFUSALS: Final = _refusals("ml.dataset.refusals", REGISTRY)
DEPLOYMENT_REFUSALS: Final = _refusals("ml.deployment.refusals", DEPLOYER)
EXECUTION_REFUSALS: Final = _refusals("ml.execution.refusals", EXECUTOR)
METRIC_REFUSALS: Final = _refusals("ml.metric.refusals", METRICS)

MODEL_REQUESTS: Final = _requests(
    "ml.model.requests", writers={UPSTREAM, GATEWAY}, reader=REGISTRY, refusals=MODEL_REFUSALS.name
)
MODEL_EVENTS: Final = _facts("ml.model.events", REGISTRY)
DATASET_REQUESTS: Final = _requests(
    "ml.dataset.requests", writers={UPSTREAM, GATEWAY}, reader=REGISTRY, refusals=DATASET_REFUSALS.name
)
DATASET_EVENTS: Final = _facts("ml.dataset.events", REGISTRY)
DEPLOYMENT_REQUESTS: Final = _requests(
    "ml.deployment.requests", writers={UPSTREAM, GATEWAY}, reader=DEPLOYER, refusals=DEPLOYMENT_REFUSALS.name
)
DEPLOYMENT_EVENTS: Final = _facts("ml.deployment.events", DEPLOYER)
EXECUTION_REQUESTS: Final = _requests(
    "ml.execution.requests",
    writers={AIRFLOW, DEPLOYER, UPSTREAM, GATEWAY},
    reader=EXECUTOR,
    refusals=EXECUTION_REFUSALS.name,
)
EXECUTION_EVENTS: Final = _facts("ml.execution.events", EXECUTOR)
EXECUTION_PROGRESS: Final = Topic(
    name="ml.execution.progress",
    writers=frozenset({EXECUTOR}),
    readers=ANYONE,
    retention=timedelta(days=1),
    max_message_bytes=FACT_MAX_BYTES,
)
EXECUTION_OBSERVATIONS: Final = Topic(
    name="ml.execution.observations",
    writers=frozenset({EXECUTOR}),
    readers=frozenset({METRICS}),
    retention=timedelta(days=7),
    max_message_bytes=FACT_MAX_BYTES,
    log_append_time=True,
)
METRIC_OBSERVATIONS: Final = _requests(
    "ml.metric.observations", writers={UPSTREAM}, reader=METRICS, refusals=METRIC_REFUSALS.name
)
METRIC_EVENTS: Final = _facts("ml.metric.events", METRICS)
USER_EVENTS: Final = _facts("ml.user.events", GATEWAY)

TOPICS: Final[tuple[Topic, ...]] = (
    MODEL_REQUESTS,
    MODEL_EVENTS,
    MODEL_REFUSALS,
    DATASET_REQUESTS,
    DATASET_EVENTS,
    DATASET_REFUSALS,
    DEPLOYMENT_REQUESTS,
    DEPLOYMENT_EVENTS,
    DEPLOYMENT_REFUSALS,
    EXECUTION_REQUESTS,
    EXECUTION_EVENTS,
    EXECUTION_REFUSALS,
    EXECUTION_PROGRESS,
    EXECUTION_OBSERVATIONS,
    METRIC_OBSERVATIONS,
    METRIC_EVENTS,
    METRIC_REFUSALS,
    USER_EVENTS,
    *(_dead_letters(service) for service in SERVICES),
)
