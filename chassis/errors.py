"""Every failure says what it is (`code`) and whether trying again can help (`retryable`)."""

from collections.abc import Sequence
from typing import ClassVar

from schemas.refusals import Violation


class PlatformError(Exception):
    """A failure with a stable code. Subclasses set the policy; instances carry ids, not sentences."""

    code: ClassVar[str] = "internal"
    retryable: ClassVar[bool] = False
    http_status: ClassVar[int] = 500


class Outage(PlatformError):
    """A dependency is away. The line stops and tries again; nothing goes to the dead letters for it."""

    code = "outage"
    retryable = True
    http_status = 503


class BusUnavailable(Outage):
    code = "bus-unavailable"


class DocumentsUnavailable(Outage):
    code = "documents-unavailable"


class ObjectsUnavailable(Outage):
    code = "objects-unavailable"


class TablesUnavailable(Outage):
    code = "tables-unavailable"


class TablesBusy(PlatformError):
    """The server is well, and others hold the table or the machine: the same may succeed later."""

    code = "tables-busy"
    retryable = True
    http_status = 503


class ReplicaBehind(Outage):
    """A replica has not reached the position that a decision needs, within its bound."""

    code = "replica-behind"


class TopicUnavailable(BusUnavailable):
    """One topic doesn't answer; others may."""


class OutboxBehind(PlatformError):
    """Events have waited for long in their outboxes: of which collection, for which topic, and why."""

    code = "outbox-behind"
    retryable = True


class Unpublishable(PlatformError):
    """The bus will never take this record; somebody has to look at it."""

    code = "unpublishable"


class TopicRefuses(Unpublishable):
    """The bus takes nothing of ours for this topic until somebody has changed something there."""

    code = "topic-refuses"


class TopicForbidden(TopicRefuses):
    code = "topic-forbidden"


class TopicUnknown(TopicRefuses):
    code = "topic-unknown"


class AssignmentLost(PlatformError):
    """The partition may belong to another consumer by now: whoever has it will answer."""

    code = "assignment-lost"
    retryable = True


class DocumentConflict(PlatformError):
    """Somebody else saved the document first: load it and decide again."""

    code = "document-conflict"
    retryable = True


class Unreadable(PlatformError):
    """A record that is no readable message; it belongs in the dead letters. `code` says which way it is broken."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code  # pyright: ignore[reportAttributeAccessIssue]


class Refusal(PlatformError):
    """An answer: the request is readable and is not granted. Changes nothing but the asker's knowledge.

    Services raise subclasses whose `code` is part of their contract.
    """

    code = "refused"
    http_status = 422

    def __init__(self, message: str, *, violations: Sequence[Violation] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.violations = tuple(violations)


class SchemaInvalid(Refusal):
    code = "schema-invalid"


class SubjectMismatch(Refusal):
    code = "subject-mismatch"


class Expired(Refusal):
    code = "expired"


class NotBrokerStamped(Refusal):
    code = "timestamp-not-from-broker"


class FactTooLarge(Refusal):
    """What the request would make doesn't fit into a fact."""

    code = "too-large"
