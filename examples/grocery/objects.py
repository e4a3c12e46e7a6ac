"""Files to and from the platform's buckets (any S3)."""

import asyncio
import hashlib
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from examples.grocery.errors import DemoError
from examples.grocery.stack import ObjectStorage


class Buckets:
    def __init__(self, storage: ObjectStorage) -> None:
        self._storage = storage
        self._stores: dict[str, S3Store] = {}

    async def upload(self, files: Iterable[tuple[Path, str]]) -> int:
        """Put each file at its `s3://` address unless the same bytes are there; how many had to go."""
        try:
            return sum(await asyncio.gather(*(self._upload(path, uri) for path, uri in files)))
        except BaseError as error:
            raise DemoError(f"the object store refused an upload: {error}") from error

    async def read(self, uri: str) -> bytes:
        store, key = self.at(uri)
        try:
            got = await obstore.get_async(store, key)
            return bytes(await got.bytes_async())
        except BaseError as error:
            raise DemoError(f"can't read {uri}: {error}") from error

    async def _upload(self, path: Path, uri: str) -> bool:
        store, key = self.at(uri)
        content = await asyncio.to_thread(path.read_bytes)
        sha256 = hashlib.sha256(content).hexdigest()
        if await _sha256_there(store, key) == sha256:
            return False
        await obstore.put_async(store, key, content, attributes={"sha256": sha256}, use_multipart=False)
        return True

    def at(self, uri: str) -> tuple[S3Store, str]:
        address = urlsplit(uri)
        if address.netloc not in self._stores:
            self._stores[address.netloc] = self._open(address.netloc)
        return self._stores[address.netloc], address.path.removeprefix("/")

    def _open(self, bucket: str) -> S3Store:
        return S3Store(
            bucket,
            endpoint=self._storage.endpoint,
            access_key_id=self._storage.access_key,
            secret_access_key=self._storage.secret_key,
            region="us-east-1",
            virtual_hosted_style_request=False,
            client_options={"allow_http": True, "timeout": "30s"},
        )


async def _sha256_there(store: S3Store, key: str) -> str | None:
    try:
        head = await obstore.get_async(store, key, options={"head": True})
    except FileNotFoundError:
        return None
    return head.attributes.get("sha256")
