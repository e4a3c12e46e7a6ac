"""A record as Kafka's client hands it over."""

from typing import TypeAlias

from aiokafka import ConsumerRecord

KafkaRecord: TypeAlias = ConsumerRecord[bytes, bytes]
