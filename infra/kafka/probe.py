"""Whether a cluster really takes and gives records."""

import uuid
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic  # pyright: ignore[reportPrivateImportUsage]

from infra.kafka.cluster import Cluster

PROBE_TOPIC: Final = "internal.readiness"
_HOUR_MS: Final = "3600000"
_TIMEOUT_S: Final = 5.0


def round_trip(cluster: Cluster) -> None:
    """Produce a record to an internal topic and consume it again.

    Raises:
        KafkaException: it couldn't be done within some seconds.
    """
    _make_topic(cluster)
    token = uuid.uuid4().bytes
    place = _produce(cluster, token)
    consumer = Consumer({**cluster.client_config(), "group.id": "unused", "enable.auto.commit": False})
    try:
        consumer.assign([place])
        record = consumer.poll(_TIMEOUT_S)
    finally:
        consumer.close()
    if record is None or record.value() != token:
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT, "a produced record isn't consumed"))  # noqa: SLF001


def list_topics(cluster: Cluster) -> set[str]:
    """Names of the topics that this principal sees: all it needs to be told that it is let in."""
    return set(AdminClient(cluster.client_config()).list_topics(timeout=_TIMEOUT_S).topics)


def _make_topic(cluster: Cluster) -> None:
    topic = NewTopic(PROBE_TOPIC, 1, -1, config={"retention.ms": _HOUR_MS})
    admin = AdminClient(cluster.client_config())  # kept until the answer: its end would end the request
    future = admin.create_topics([topic], request_timeout=_TIMEOUT_S)[PROBE_TOPIC]
    try:
        future.result()
    except KafkaException as error:
        if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
            raise


def _produce(cluster: Cluster, value: bytes) -> TopicPartition:
    delivered: list[TopicPartition] = []
    failed: list[KafkaError] = []

    def on_delivery(error: KafkaError | None, record: Message) -> None:
        if error is not None:
            failed.append(error)
        else:
            delivered.append(TopicPartition(PROBE_TOPIC, 0, record.offset() or 0))

    producer = Producer({**cluster.client_config(), "acks": "all", "delivery.timeout.ms": int(_TIMEOUT_S * 1000)})
    producer.produce(PROBE_TOPIC, value=value, partition=0, on_delivery=on_delivery)
    producer.flush(_TIMEOUT_S + 1)
    if not delivered:
        raise KafkaException(failed[0] if failed else KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001
    return delivered[0]
