"""The AsyncAPI 3 document: channels, who sends and receives, messages."""

from typing import Final

from schemas.catalogue import CATALOGUE
from schemas.event import Event
from schemas.publishing.headers import dead_letter_headers, event_headers, takes_authorization
from schemas.publishing.json_schemas import Json, hoisted, subject_field
from schemas.topics import (
    ANYONE,
    EMBEDDED_PARTITIONS,
    OPERATOR,
    PRODUCTION_PARTITIONS,
    SERVICES,
    TOPICS,
    Topic,
    dead_letter_topic,
)

VERSION: Final = "1.0.0"
BINDING_VERSION: Final = "0.5.0"
DEAD_LETTER: Final = "DeadLetter"
_DEAD_LETTER_TOPICS: Final = frozenset(dead_letter_topic(service) for service in SERVICES)


def asyncapi(examples: dict[str, list[Json]]) -> Json:
    """The document; `examples` are payloads by `ce_type`."""
    return {
        "asyncapi": "3.1.0",
        "info": {
            "title": "Machine-learning platform",
            "version": VERSION,
            "description": "Every message on the bus: CloudEvents 1.0 over Kafka, in binary mode. "
            "Structured mode (`application/cloudevents+json`) is accepted where requests are taken.",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {"kafka": _server()},
        "channels": {topic.name: _channel(topic) for topic in TOPICS},
        "operations": {name: operation for topic in TOPICS for name, operation in _operations(topic)},
        "components": {
            "messages": {
                **{event.__name__: _message(event, examples) for event in _events()},
                DEAD_LETTER: _dead_letter(),
            },
            "schemas": hoisted(),
            "securitySchemes": {"scram": {"type": "scramSha512", "description": "One principal for each service."}},
        },
    }


def messages_of(topic: Topic) -> list[str]:
    """Names of the messages that stand on `topic`."""
    if topic.name in _DEAD_LETTER_TOPICS:
        return [DEAD_LETTER]
    return [event.__name__ for event in _events() if topic in event.topics]


def _events() -> list[type[Event]]:
    return sorted(CATALOGUE.values(), key=lambda event: event.__name__)


def _server() -> Json:
    return {
        "host": "{bootstrap}",
        "protocol": "kafka-secure",
        "description": "Apache Kafka with SASL/SCRAM-SHA-512; who may write what is enforced by its ACLs.",
        "variables": {"bootstrap": {"default": "127.0.0.1:9092", "description": "host:port of a broker."}},
        "security": [{"$ref": "#/components/securitySchemes/scram"}],
        "bindings": {"kafka": {"bindingVersion": BINDING_VERSION}},
    }


def _channel(topic: Topic) -> Json:
    settings = topic.settings()
    return {
        "address": topic.name,
        "description": f"{PRODUCTION_PARTITIONS} partitions in production, {EMBEDDED_PARTITIONS} in the embedded "
        "stack; the count never changes once made. Key: the subject, by Java's murmur2 partitioner.",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages_of(topic)},
        "x-message-timestamp-type": settings["message.timestamp.type"],
        "x-authorization": takes_authorization(topic),
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": PRODUCTION_PARTITIONS,
                "topicConfiguration": {
                    "cleanup.policy": [settings["cleanup.policy"]],
                    "retention.ms": int(settings["retention.ms"]),
                    "max.message.bytes": int(settings["max.message.bytes"]),
                },
                "bindingVersion": BINDING_VERSION,
            }
        },
    }


def _operations(topic: Topic) -> list[tuple[str, Json]]:
    senders = [(f"{writer}.sends.{topic.name}", _operation(topic, "send")) for writer in sorted(topic.writers)]
    readers = _readers(topic)
    return senders + [(f"{reader}.receives.{topic.name}", _operation(topic, "receive", reader)) for reader in readers]


def _readers(topic: Topic) -> list[str]:
    if topic.readers == ANYONE:
        return ["anyone"]
    return sorted(topic.readers) or [OPERATOR]


def _operation(topic: Topic, action: str, reader: str = "anyone") -> Json:
    channel = f"#/channels/{topic.name}"
    operation: Json = {
        "action": action,
        "channel": {"$ref": channel},
        "messages": [{"$ref": f"{channel}/messages/{name}"} for name in messages_of(topic)],
    }
    if reader in SERVICES:
        group = {"type": "string", "pattern": rf"^{reader}(\..+)?$"}
        operation["bindings"] = {"kafka": {"groupId": group, "bindingVersion": BINDING_VERSION}}
    return operation


def _message(event: type[Event], examples: dict[str, list[Json]]) -> Json:
    key = {"type": "string", "description": f"`{subject_field(event)}`"}
    return {
        "name": event.event_type,
        "title": event.__name__,
        "summary": event.__doc__ or "",
        "contentType": "application/json",
        "correlationId": {"location": "$message.header#/ce_correlationid"},
        "headers": event_headers(event),
        "payload": {"$ref": f"#/components/schemas/{event.__name__}"},
        "bindings": {"kafka": {"key": key, "bindingVersion": BINDING_VERSION}},
        "examples": [{"payload": payload} for payload in examples.get(event.event_type, [])],
    }


def _dead_letter() -> Json:
    return {
        "name": DEAD_LETTER,
        "title": DEAD_LETTER,
        "summary": "A message that could not be read or handled, byte for byte.",
        "contentType": "application/octet-stream",
        "headers": dead_letter_headers(),
        "payload": {"description": "The record's value as it came."},
        "bindings": {
            "kafka": {"key": {"description": "The record's key as it came."}, "bindingVersion": BINDING_VERSION}
        },
    }
