"""What the store answered, out of what `obstore` says of it: an exception's class, and its text."""

import re
from collections.abc import Iterable
from typing import Final

from obstore.exceptions import (
    AlreadyExistsError,
    InvalidPathError,
    NotSupportedError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)

from chassis.object_errors import BAD_NAME, Answer

_STATUS: Final = re.compile(r"Server returned non-2xx status code: (\d{3})")
_CODE: Final = re.compile(r"<Code>([^<]*)</Code>")
_REDIRECTED: Final = "Received redirect without LOCATION"
_SHOWN: Final = 300
_STATUSES: Final[Iterable[tuple[type[Exception], int]]] = (
    (FileNotFoundError, 404),
    (PermissionDeniedError, 403),
    (UnauthenticatedError, 401),
    (PreconditionError, 412),
    (AlreadyExistsError, 409),
    (NotSupportedError, 501),
)


def answer_of(error: Exception, key: str) -> Answer:
    """The answer that an operation on `key` got, whatever words that key itself has."""
    if isinstance(error, InvalidPathError | ValueError):
        return BAD_NAME
    text = _without(key, str(error))
    code = _CODE.search(text)
    return Answer(_status(error, text), code[1] if code else None)


def in_words(error: Exception) -> str:
    """Its first line."""
    return str(error).partition("\n")[0][:_SHOWN]


def _without(key: str, text: str) -> str:
    """A key that looks like an answer must not be taken for one. In the answer itself it stands escaped."""
    for behind in (": Error performing", " not found: Error performing", " already exists: Error performing"):
        text = text.replace(f" {key}{behind}", behind, 1)
    return text


def _status(error: Exception, text: str) -> int | None:
    known = next((status for kind, status in _STATUSES if isinstance(error, kind)), None)
    if known is not None:
        return known
    said = _STATUS.search(text)
    if said is not None:
        return int(said[1])
    return 301 if _REDIRECTED in text else None
