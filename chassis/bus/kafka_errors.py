"""What Kafka's errors mean to those who publish: for the record, for its topic, or for nobody in particular."""

from typing import Final

from aiokafka.errors import (
    InvalidRequiredAcksError,
    InvalidTimestampError,
    InvalidTopicError,
    KafkaError,
    MessageSizeTooLargeError,
    PolicyViolationError,
    RecordListTooLargeError,
    RecordTooLargeError,
    TopicAuthorizationFailedError,
    UnsupportedForMessageFormatError,
)

from chassis.errors import PlatformError, TopicForbidden, TopicRefuses, TopicUnavailable, TopicUnknown, Unpublishable

_OF_THE_RECORD: Final = (MessageSizeTooLargeError, RecordListTooLargeError, RecordTooLargeError)
_OF_THE_TOPIC: Final[dict[type[KafkaError], type[TopicRefuses]]] = {
    TopicAuthorizationFailedError: TopicForbidden,
    InvalidTopicError: TopicUnknown,
    InvalidRequiredAcksError: TopicRefuses,
    InvalidTimestampError: TopicRefuses,
    PolicyViolationError: TopicRefuses,
    UnsupportedForMessageFormatError: TopicRefuses,
}


def judged(error: KafkaError, topic: str) -> PlatformError:
    """What has become of a record for `topic`.

    All others heal, with the broker or with another producer: whatever Kafka's client calls retriable, what a producer
    lost of its place, and also what the client has no name for. A topic that is unknown may only not be known yet:
    that is looked up.
    """
    if isinstance(error, _OF_THE_RECORD):
        return Unpublishable(f"larger than {topic} allows")
    kind = _OF_THE_TOPIC.get(type(error), TopicUnavailable)
    return kind(f"{topic}: {type(error).__name__}")
