"""Every error that Kafka's client knows is decided: for the record, for its topic, or for nobody in particular."""

import aiokafka.errors
import pytest
from aiokafka.errors import KafkaError

from chassis.bus.kafka_errors import judged
from chassis.errors import TopicForbidden, TopicRefuses, TopicUnavailable, TopicUnknown, Unpublishable

DECIDED = {
    "MessageSizeTooLargeError": Unpublishable,
    "RecordListTooLargeError": Unpublishable,
    "RecordTooLargeError": Unpublishable,
    "TopicAuthorizationFailedError": TopicForbidden,
    "InvalidTopicError": TopicUnknown,
    "InvalidRequiredAcksError": TopicRefuses,
    "InvalidTimestampError": TopicRefuses,
    "PolicyViolationError": TopicRefuses,
    "UnsupportedForMessageFormatError": TopicRefuses,
}
# What isn't for the client to try again by itself and heals all the same: with another producer, another connection,
# the broker's operator; and what a producer never meets. A class that a new release brings has to be put somewhere.
HEALS = """
    AuthenticationFailedError AuthenticationMethodNotSupported BrokerNotAvailableError BrokerResponseError
    ClusterAuthorizationFailedError CommitFailedError ConcurrentTransactions ConsumerStoppedError
    CorruptRecordException DelegationTokenAuthDisabled DelegationTokenAuthorizationFailed DelegationTokenExpired
    DelegationTokenNotFound DelegationTokenOwnerMismatch DelegationTokenRequestNotAllowed DuplicateSequenceNumber
    FetchSessionIdNotFound GroupAuthorizationFailedError GroupIdNotFound IllegalArgumentError IllegalGenerationError
    IllegalOperation IllegalSaslStateError IllegalStateError IncompatibleBrokerVersion InconsistentGroupProtocolError
    InvalidCommitOffsetSizeError InvalidConfigurationError InvalidFetchRequestError InvalidFetchSessionEpoch
    InvalidGroupIdError InvalidPartitionsError InvalidPrincipalType InvalidProducerEpoch InvalidProducerIdMapping
    InvalidReplicationAssignmentError InvalidReplicationFactorError InvalidRequestError InvalidSessionTimeoutError
    InvalidTransactionTimeout InvalidTxnState KafkaConfigurationError KafkaError KafkaTimeoutError
    KafkaUnavailableError ListenerNotFound LogDirNotFound MemberIdRequired NoError NoOffsetForPartitionError
    NonEmptyGroup OffsetMetadataTooLargeError OffsetOutOfRangeError OperationNotAttempted OutOfOrderSequenceNumber
    ProducerClosed ProducerFenced QuotaViolationError ReassignmentInProgress RebalanceInProgressError
    ReplicaNotAvailableError SaslAuthenticationFailed SecurityDisabled StaleControllerEpochError
    StaleLeaderEpochCodeError TopicAlreadyExistsError TransactionCoordinatorFenced TransactionalIdAuthorizationFailed
    UnknownError UnknownMemberIdError UnknownProducerId UnrecognizedBrokerVersion UnsupportedCodecError
    UnsupportedSaslMechanismError UnsupportedVersionError
""".split()  # noqa: SIM905 - quotes would make it three times as long


def descendants(root):
    for each in root.__subclasses__():
        yield each
        yield from descendants(each)


CLASSES = sorted(
    {each for each in (KafkaError, *descendants(KafkaError)) if each.__module__ == aiokafka.errors.__name__},
    key=lambda each: each.__name__,
)


def made(kind) -> KafkaError:
    error = KafkaError.__new__(kind)
    error.args = ()
    return error


@pytest.mark.parametrize("kind", CLASSES, ids=lambda each: each.__name__)
def test_it_is_decided(kind):
    if kind.retriable:
        assert kind.__name__ not in DECIDED
    else:
        assert (kind.__name__ in DECIDED) != (kind.__name__ in HEALS), "put it where it belongs"

    assert type(judged(made(kind), "ml.model.events")) is DECIDED.get(kind.__name__, TopicUnavailable)


def test_what_refuses_names_its_topic():
    for name in DECIDED:
        assert "ml.model.events" in str(judged(made(getattr(aiokafka.errors, name)), "ml.model.events"))
