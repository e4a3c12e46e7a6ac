"""The object store, any S3; its errors become ours here. The executor's bulk reading is its own (`obstore`)."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, BinaryIO, Final, Self, TypeVar, cast
from urllib.parse import urlsplit
from xml.etree.ElementTree import ParseError

from aiohttp import ClientError, ClientSession, ClientTimeout
from miniopy_async.api import Minio
from miniopy_async.error import InvalidResponseError, S3Error, ServerError

from chassis.errors import ObjectsUnavailable, PlatformError
from chassis.hashing_reader import HashingReader
from chassis.object_errors import (
    BAD_NAME,
    PROBED_PREFIX,
    Answer,
    Meaning,
    ObjectChanged,
    ObjectForbidden,
    ObjectMissing,
    ObjectUnfit,
)
from chassis.settings import S3Settings

T = TypeVar("T")

CHUNK_BYTES: Final = 1024 * 1024
_ANSWER_S: Final = 5
_READ_S: Final = 60
"""For what is held in memory: at the most a page of a listing, a footer, a block of a file."""
_ERRORS: Final = (S3Error, ServerError, InvalidResponseError, ClientError, ParseError, ValueError, OSError)


@dataclass(frozen=True, order=True)
class Location:
    """`s3://bucket/key`; a prefix ends in a slash, or is the empty key."""

    bucket: str
    key: str

    @classmethod
    def parse(cls, uri: str) -> "Location":
        """Split an `s3://` address, which is taken literally: no escapes, no `..`."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return cls(bucket, key)

    def __truediv__(self, name: str) -> "Location":
        return Location(self.bucket, f"{self.key.rstrip('/')}/{name}" if self.key else name)

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


@dataclass(frozen=True)
class ObjectInfo:
    """One object as the store describes it. Listings don't say the content type.

    `modified_at` is by the store's clock; in listings to the millisecond, else to the second.
    """

    location: Location
    etag: str
    size_bytes: int
    content_type: str | None = None
    modified_at: datetime | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Upload:
    """An upload in parts that has been begun, and neither completed nor given up."""

    location: Location
    upload_id: str
    begun_at: datetime | None


class Objects:
    """A client of the object store; `async with` it once a process.

    Whatever it does may raise `ObjectsUnavailable` (nobody gets anything now), `ObjectForbidden` or `ObjectUnfit` (so
    it is with this object, as the store's probe shows).
    """

    def __init__(self, settings: S3Settings) -> None:
        address = urlsplit(settings.endpoint)
        self._client = Minio(
            address.netloc,
            access_key=settings.access_key.get_secret_value(),
            secret_key=settings.secret_key.get_secret_value(),
            secure=address.scheme == "https",
            region=settings.region,
        )

    async def __aenter__(self) -> Self:
        # miniopy's own session waits 300 s and tries five times; an outage has to be seen in seconds.
        self._client.set_session(ClientSession(timeout=ClientTimeout(total=None, sock_connect=5, sock_read=30)))
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._client.close_session()

    async def stat(self, location: Location) -> ObjectInfo:
        """Raises: ObjectMissing."""
        async with self._translated(location), asyncio.timeout(_READ_S):
            found = await self._client.stat_object(location.bucket, location.key)
        return ObjectInfo(location, _etag(found.etag), int(found.size or 0), found.content_type, found.last_modified)

    async def walk(self, prefix: Location) -> AsyncGenerator[ObjectInfo]:
        """The objects whose key begins with the prefix, in the store's order; a page is fetched when it's asked for."""
        async with self._translated(prefix):
            async for each in _in_time(self._client.list_objects(prefix.bucket, prefix=prefix.key, recursive=True)):
                if each.object_name and not each.is_dir:
                    where = Location(prefix.bucket, each.object_name)
                    yield ObjectInfo(where, _etag(each.etag), int(each.size or 0), modified_at=each.last_modified)

    async def list(self, prefix: Location, *, at_most: int | None = None) -> list[ObjectInfo]:
        """All objects whose key begins with the prefix, or the first `at_most` that the store names; sorted by key."""
        found: list[ObjectInfo] = []
        async with aclosing(self.walk(prefix)) as objects:
            async for each in objects:
                if len(found) == at_most:
                    break
                found.append(each)
        return sorted(found, key=lambda each: each.location)

    async def get(self, location: Location, *, offset: int = 0, length: int = 0, etag: str | None = None) -> bytes:
        """The object's bytes, or `length` of them from `offset`; with `etag`, of that object alone.

        Raises:
            ObjectMissing: there is none.
            ObjectChanged: its etag is another.
        """
        async with (
            self._translated(location),
            asyncio.timeout(_READ_S),
            self._response(location, offset=offset, length=length, etag=etag) as response,
        ):
            return await response.read()

    async def stream(self, info: ObjectInfo) -> AsyncIterator[bytes]:
        """The object's bytes in chunks, as long as it is still the one that `info` describes.

        Raises:
            ObjectChanged: another etag, or fewer or more bytes than `info` says.
        """
        seen = 0
        async with self._translated(info.location), self._response(info.location, etag=info.etag) as response:
            async for chunk in response.content.iter_chunked(CHUNK_BYTES):
                seen += len(chunk)
                yield chunk
        if seen != info.size_bytes:
            raise ObjectChanged(str(info.location))

    async def put(self, location: Location, data: bytes, *, content_type: str = "application/octet-stream") -> None:
        async with self._translated(location):
            await self._client._put_object(  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
                location.bucket, location.key, data, {"Content-Type": content_type}
            )

    async def copy_stream(self, source: ObjectInfo, target: Location) -> str:
        """Copy through this process, a few megabytes at a time; the sha256 of what was copied, in hex.

        Raises:
            ObjectMissing: the source is gone.
            ObjectChanged: the source isn't what `source` describes.
        """
        reader = HashingReader(self.stream(source))
        async with self._translated(target):
            await self._client.put_object(
                target.bucket, target.key, cast("BinaryIO", reader), source.size_bytes, num_parallel_uploads=1
            )
        return reader.hexdigest()

    async def sha256(self, source: ObjectInfo) -> str:
        """The digest of the object's bytes, in hex. Raises: ObjectMissing, ObjectChanged."""
        digest = hashlib.sha256()
        async for chunk in self.stream(source):
            digest.update(chunk)
        return digest.hexdigest()

    async def remove(self, location: Location) -> None:
        async with self._translated(location):
            await self._client.remove_object(location.bucket, location.key)

    async def uploads(self, prefix: Location) -> AsyncGenerator[Upload]:
        """The uploads in parts under the prefix that nobody has completed, in the store's order."""
        key, upload_id = "", ""
        async with self._translated(prefix):
            while True:
                page = await self._client._list_multipart_uploads(  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
                    prefix.bucket, prefix=prefix.key, key_marker=key, upload_id_marker=upload_id
                )
                for each in page.uploads:
                    if each.upload_id:
                        yield Upload(Location(prefix.bucket, each.object_name), each.upload_id, each.initiated_time)
                if not page.is_truncated or not page.next_key_marker:
                    return
                key, upload_id = page.next_key_marker, page.next_upload_id_marker or ""

    async def give_up(self, upload: Upload) -> None:
        """Have the store forget the parts; whoever still sends some is refused. Raises: ObjectMissing."""
        where = upload.location
        async with self._translated(where):
            await self._client._abort_multipart_upload(where.bucket, where.key, upload.upload_id)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]

    async def now(self, bucket: str) -> datetime:
        """The store's clock, to the second: what `modified_at` is to be compared with."""
        async with self._translated(Location(bucket, PROBED_PREFIX)):
            answer = await self._client._execute("HEAD", bucket)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
            return parsedate_to_datetime(answer.headers["Date"])

    async def ping(self, *buckets: str) -> None:
        """A round trip to each: it is there, and the platform may look into it. Raises: ObjectsUnavailable."""
        for bucket in buckets:
            try:
                async with asyncio.timeout(_ANSWER_S):
                    await self._client.list_objects(bucket, prefix=PROBED_PREFIX)
            except _ERRORS as error:
                raise ObjectsUnavailable(f"{_why(error)} at s3://{bucket}/") from error

    @asynccontextmanager
    async def _translated(self, location: Location) -> AsyncGenerator[None]:
        try:
            yield
        except _ERRORS as error:
            raise await self._told(location, error) from error

    async def _told(self, location: Location, error: Exception) -> PlatformError:
        match _answer(error).meaning:
            case Meaning.AWAY:
                return ObjectsUnavailable(f"{_why(error)} at {location}")
            case Meaning.MISSING:
                return ObjectMissing(str(location))
            case Meaning.CHANGED:
                return ObjectChanged(str(location))
            case Meaning.FORBIDDEN | Meaning.UNFIT as meaning:
                await self.ping(location.bucket)
                kind = ObjectForbidden if meaning is Meaning.FORBIDDEN else ObjectUnfit
                return kind(f"{location} ({_answer(error)})")

    @asynccontextmanager
    async def _response(
        self, location: Location, *, offset: int = 0, length: int = 0, etag: str | None = None
    ) -> AsyncGenerator[Any]:
        headers: dict[str, str | list[str] | tuple[str]] | None = {"If-Match": f'"{etag}"'} if etag else None
        response = await self._client.get_object(
            location.bucket, location.key, offset=offset, length=length, request_headers=headers
        )
        try:
            yield response
        finally:
            response.release()


async def _in_time(items: AsyncIterator[T]) -> AsyncGenerator[T]:
    """The same, of which none may take longer than a read."""
    while True:
        try:
            async with asyncio.timeout(_READ_S):
                item = await anext(items)
        except StopAsyncIteration:
            return
        yield item


def _answer(error: Exception) -> Answer:
    """What the store said, or that it said nothing."""
    match error:
        case S3Error():
            # A HEAD's answer has no body: its code would be the driver's guess.
            guessed = error.response.method == "HEAD"
            return Answer(error.response.status, None if guessed else error.code)
        case ServerError():
            return Answer(error.status_code)
        case InvalidResponseError():
            return Answer(error._code)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        case ParseError() | ValueError():
            return BAD_NAME
        case _:
            return Answer(None)


def _why(error: Exception) -> str:
    answer = _answer(error)
    return type(error).__name__ if answer.status is None else answer.name


def _etag(etag: str | None) -> str:
    return (etag or "").strip('"')
