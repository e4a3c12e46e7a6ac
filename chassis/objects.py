"""The object store, any S3; its errors become ours here. The executor's bulk reading is its own (`obstore`)."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, Final, Self, cast
from urllib.parse import urlsplit

from aiohttp import ClientError, ClientSession, ClientTimeout
from miniopy_async.api import Minio
from miniopy_async.error import InvalidResponseError, S3Error, ServerError

from chassis.errors import ObjectsUnavailable, PlatformError
from chassis.settings import S3Settings

CHUNK_BYTES: Final = 1024 * 1024
_ANSWER_S: Final = 5
_MISSING: Final = frozenset({"NoSuchKey", "NoSuchBucket", "NoSuchObject"})
_CHANGED: Final = frozenset({"PreconditionFailed"})


class ObjectMissing(PlatformError):
    code = "object-missing"
    http_status = 404


class ObjectChanged(PlatformError):
    """The object isn't the one that was asked for: its etag or its length differ."""

    code = "object-changed"
    http_status = 409


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
    """One object as the store describes it. Listings don't say the content type."""

    location: Location
    etag: str
    size_bytes: int
    content_type: str | None = None


class Objects:
    """A client of the object store; `async with` it once a process."""

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
        with _translated(location):
            found = await self._client.stat_object(location.bucket, location.key)
        return ObjectInfo(location, _etag(found.etag), int(found.size or 0), found.content_type)

    async def list(self, prefix: Location) -> list[ObjectInfo]:
        """All objects whose key begins with the prefix, sorted by key."""
        found: list[ObjectInfo] = []
        with _translated(prefix):
            async for each in self._client.list_objects(prefix.bucket, prefix=prefix.key, recursive=True):
                if each.object_name and not each.is_dir:
                    where = Location(prefix.bucket, each.object_name)
                    found.append(ObjectInfo(where, _etag(each.etag), int(each.size or 0)))
        return sorted(found, key=lambda each: each.location)

    async def get(self, location: Location, *, offset: int = 0, length: int = 0, etag: str | None = None) -> bytes:
        """The object's bytes, or `length` of them from `offset`; with `etag`, of that object alone.

        Raises:
            ObjectMissing: there is none.
            ObjectChanged: its etag is another.
        """
        with _translated(location):
            async with self._response(location, offset=offset, length=length, etag=etag) as response:
                return await response.read()

    async def stream(self, info: ObjectInfo) -> AsyncIterator[bytes]:
        """The object's bytes in chunks, as long as it is still the one that `info` describes.

        Raises:
            ObjectChanged: another etag, or fewer or more bytes than `info` says.
        """
        seen = 0
        with _translated(info.location):
            async with self._response(info.location, etag=info.etag) as response:
                async for chunk in response.content.iter_chunked(CHUNK_BYTES):
                    seen += len(chunk)
                    yield chunk
        if seen != info.size_bytes:
            raise ObjectChanged(str(info.location))

    async def put(self, location: Location, data: bytes, *, content_type: str = "application/octet-stream") -> None:
        with _translated(location):
            await self._client._put_object(  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
                location.bucket, location.key, data, {"Content-Type": content_type}
            )

    async def copy_stream(self, source: ObjectInfo, target: Location) -> str:
        """Copy through this process, a few megabytes at a time; the sha256 of what was copied, in hex.

        Raises:
            ObjectMissing: the source is gone.
            ObjectChanged: the source isn't what `source` describes.
        """
        reader = _HashingReader(self.stream(source))
        with _translated(target):
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
        with _translated(location):
            await self._client.remove_object(location.bucket, location.key)

    async def ping(self) -> None:
        """A round trip. Raises: ObjectsUnavailable."""
        with _translated(Location("models", "")):
            async with asyncio.timeout(_ANSWER_S):
                await self._client.bucket_exists("models")

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


class _HashingReader:
    """A stream with `read(n)`, as miniopy wants it, that hashes what passes."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""
        self._digest = hashlib.sha256()

    async def read(self, size: int) -> bytes:
        if not self._rest:
            self._rest = await anext(self._chunks, b"")
        data, self._rest = self._rest[:size], self._rest[size:]
        self._digest.update(data)
        return data

    def hexdigest(self) -> str:
        return self._digest.hexdigest()


@contextmanager
def _translated(location: Location) -> Generator[None]:
    try:
        yield
    except S3Error as error:
        if error.code in _MISSING:
            raise ObjectMissing(str(location)) from error
        if error.code in _CHANGED:
            raise ObjectChanged(str(location)) from error
        raise ObjectsUnavailable(f"{error.code} at {location}") from error
    except (ServerError, InvalidResponseError, ClientError, TimeoutError, OSError) as error:
        raise ObjectsUnavailable(f"{type(error).__name__} at {location}") from error


def _etag(etag: str | None) -> str:
    return (etag or "").strip('"')
