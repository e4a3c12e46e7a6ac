"""The document store, reached through PyMongo's async client; its errors become ours here."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from pymongo import AsyncMongoClient
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    ConnectionFailure,
    CursorNotFound,
    DuplicateKeyError,
    ExecutionTimeout,
    NotPrimaryError,
    PyMongoError,
    ServerSelectionTimeoutError,
    WriteConcernError,
    WTimeoutError,
)

from chassis.errors import DocumentConflict, DocumentsUnavailable
from chassis.settings import MongoSettings

Document = dict[str, Any]
Collection = AsyncCollection[Document]
Database = AsyncDatabase[Document]
Client = AsyncMongoClient[Document]

_DUPLICATE_KEY = 11000
_AWAY = (
    AutoReconnect,
    ConnectionFailure,
    CursorNotFound,
    ExecutionTimeout,
    NotPrimaryError,
    ServerSelectionTimeoutError,
    WriteConcernError,
    WTimeoutError,
)


def connect(settings: MongoSettings) -> Client:
    """A client that connects at its first call, answers times in UTC and gives up in seconds, not minutes."""
    timeout_ms = int(settings.timeout_s * 1000)
    return AsyncMongoClient(
        settings.url.get_secret_value(),
        tz_aware=True,
        serverSelectionTimeoutMS=timeout_ms,
        connectTimeoutMS=timeout_ms,
        socketTimeoutMS=timeout_ms * 2,
        # A write of ours whose answer is lost is decided again (a compare-and-swap) or does no harm twice (an insert by
        # key, a heartbeat). The driver's retry would add little, and the server's book-keeping for it made a write on
        # the embedded store five times slower.
        retryWrites=False,
    )


@contextmanager
def translated() -> Generator[None]:
    """Turn the driver's errors into the chassis'.

    Raises:
        DocumentConflict: somebody else wrote that key; of many unordered inserts, all others were made.
        DocumentsUnavailable: the store is away, or a write isn't known to be durable.
    """
    try:
        yield
    except DuplicateKeyError as error:
        raise DocumentConflict(str(error.details or error)) from error
    except BulkWriteError as error:
        failures = error.details.get("writeErrors", ())
        if any(each["code"] != _DUPLICATE_KEY for each in failures):
            raise
        if error.details.get("writeConcernErrors") or not failures:
            raise DocumentsUnavailable("WriteConcernError") from error
        raise DocumentConflict(f"{len(failures)} keys") from error
    except _AWAY as error:
        raise DocumentsUnavailable(type(error).__name__) from error


async def ping(database: Database) -> None:
    """A round trip that writes: a server without room on its disk may answer everything else.

    Raises:
        DocumentsUnavailable: no answer, or a bad one.
    """
    try:
        await database["probes"].update_one({"_id": "ping"}, {"$inc": {"answered": 1}}, upsert=True)
    except DuplicateKeyError:
        return  # Another instance's first one came at the same moment.
    except PyMongoError as error:
        raise DocumentsUnavailable(type(error).__name__) from error
