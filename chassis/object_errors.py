"""What an object store's answer is about: the object, or the store. One table for every client of one.

An answer about one object is the answer to whoever asked for it. Only what passes by itself is an outage by its kind;
whatever else the store says, its probe decides whether it is about the object or about the platform's own access.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from chassis.errors import PlatformError

PROBED_PREFIX: Final = ".probe/"
"""What a probe lists: nothing lies there, and who may list a bucket may list it."""

_CODE: Final = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,63}")
_SERVER_ERROR: Final = 500
_NOT_IMPLEMENTED: Final = 501


class ObjectError(PlatformError):
    """About one object, or all under one prefix; `str()` of it is the address, and why where that isn't its class."""


class ObjectMissing(ObjectError):
    code = "object-missing"
    http_status = 404


class ObjectChanged(ObjectError):
    """The object isn't the one that was asked for: its etag or its length differ."""

    code = "object-changed"
    http_status = 409


class ObjectForbidden(ObjectError):
    """The platform, whose access is well otherwise, may not do this with the object."""

    code = "object-forbidden"
    http_status = 403


class ObjectUnfit(ObjectError):
    """The store doesn't do this with the object as it is: archived, encrypted with a lost key, oddly named."""

    code = "object-unfit"
    http_status = 422


class Meaning(StrEnum):
    """AWAY is an outage by its kind. FORBIDDEN and UNFIT are outages where the store's probe fails, too."""

    MISSING = "missing"
    CHANGED = "changed"
    FORBIDDEN = "forbidden"
    UNFIT = "unfit"
    AWAY = "away"


_BY_CODE: Final = {
    **dict.fromkeys(
        (
            "BandwidthLimitExceeded",
            "ConditionalRequestConflict",
            "ConnectionClosedByRequester",
            "IncompleteBody",
            "InternalError",
            "OperationAborted",
            "Redirect",
            "RequestLimitExceeded",
            "RequestTimeout",
            "ResponseInterrupted",
            "ServiceUnavailable",
            "SlowDown",
            "TemporaryRedirect",
            "Throttling",
            "ThrottlingException",
            "TooManyRequests",
            "TooManyRequestsException",
        ),
        Meaning.AWAY,
    ),
    **dict.fromkeys(("PreconditionFailed", "InvalidRange"), Meaning.CHANGED),
    **dict.fromkeys(
        ("NoSuchBucket", "AuthorizationHeaderMalformed", "InvalidToken", "ExpiredToken"), Meaning.FORBIDDEN
    ),
    **dict.fromkeys(("InvalidObjectState", "SignatureDoesNotMatch"), Meaning.UNFIT),
}
_BY_STATUS: Final = {
    **dict.fromkeys((404, 410), Meaning.MISSING),
    **dict.fromkeys((412, 416), Meaning.CHANGED),
    **dict.fromkeys((401, 403, 407), Meaning.FORBIDDEN),
    **dict.fromkeys((307, 408, 425, 429), Meaning.AWAY),
}
_IN_WORDS: Final = {
    "BadName": "its name, or one under it, can't be told to the store",
    "InvalidObjectState": "it is archived and has to be restored first",
    "KMS.DisabledException": "the key that it is encrypted with is disabled",
    "KMS.KMSInvalidStateException": "the key that it is encrypted with can't be used now",
    "KMS.NotFoundException": "the key that it is encrypted with is gone",
    "KeyTooLongError": "its name is too long",
    "MethodNotAllowed": "it has been deleted, or can't be read this way",
    "SignatureDoesNotMatch": "its name has characters that the store reads in another way",
}


@dataclass(frozen=True)
class Answer:
    """What a store answered. `status` of None: nothing, or nothing whole. `code`: of its body, where it had one."""

    status: int | None
    code: str | None = None

    @property
    def meaning(self) -> Meaning:
        if self.status is None:
            return Meaning.AWAY
        known = _BY_CODE.get(self.code or "") or _BY_STATUS.get(self.status)
        if known is not None:
            return known
        return Meaning.AWAY if self.status >= _SERVER_ERROR and self.status != _NOT_IMPLEMENTED else Meaning.UNFIT

    @property
    def name(self) -> str:
        """The code, if that is one; else the status."""
        if self.code is None or not _CODE.fullmatch(self.code):
            return "no answer" if self.status is None else f"HTTP {self.status}"
        return self.code

    def __str__(self) -> str:
        """As it is told about an object."""
        words = _IN_WORDS.get(self.name)
        return f"{self.name}: {words}" if words else self.name


BAD_NAME: Final = Answer(400, "BadName")
"""Said by a client instead of the store."""
