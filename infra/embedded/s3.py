"""Objects: SeaweedFS with its S3 gateway, all in one process."""

import asyncio
import json
import sysconfig
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from aiohttp import ClientError, ClientSession, ClientTimeout
from miniopy_async.api import Minio
from miniopy_async.error import MinioException

from infra.embedded.errors import NotReady
from infra.embedded.files import write_private
from infra.embedded.part import Context
from infra.embedded.ports import HOST, Ports
from infra.embedded.program import Program

NAME: Final = "s3"
VARIABLE: Final = "MLP_S3_ENDPOINT"
BUCKETS: Final = ("models", "datasets", "results")
_PROBE_PREFIX: Final = ".readiness"  # no deployment's id begins with a dot
_REGION: Final = "us-east-1"
_TIMEOUT: Final = ClientTimeout(total=5)


@dataclass(frozen=True)
class S3Connection:
    endpoint: str
    access_key: str
    secret_key: str = field(repr=False)
    region: str = _REGION

    @property
    def url(self) -> str:
        return self.endpoint

    def probe(self) -> None:
        """Put and get: a bucket "exists" before its objects can be read."""
        try:
            asyncio.run(self._round_trip())
        except (ClientError, MinioException, OSError, ValueError) as error:
            raise NotReady(str(error) or type(error).__name__) from error

    def provision(self) -> None:
        """Nothing: the probe needed the buckets already."""

    def described(self) -> dict[str, Any]:
        return {"endpoint": self.endpoint, "access_key": self.access_key, "secret_key": self.secret_key}

    def settings(self, service: str) -> dict[str, str]:  # noqa: ARG002
        return {
            VARIABLE: self.endpoint,
            "MLP_S3_ACCESS_KEY": self.access_key,
            "MLP_S3_SECRET_KEY": self.secret_key,
            "MLP_S3_REGION": self.region,
        }

    async def _round_trip(self) -> None:
        url = urlsplit(self.endpoint)
        async with ClientSession(timeout=_TIMEOUT) as session:
            client = Minio(
                url.netloc,
                access_key=self.access_key,
                secret_key=self.secret_key,
                secure=url.scheme == "https",
                region=self.region,
                session=session,
            )
            await _make_buckets(client)
            await _put_and_get(client)


async def _make_buckets(client: Minio) -> None:
    for bucket in BUCKETS:
        if not await client.bucket_exists(bucket):
            await client.make_bucket(bucket)


async def _put_and_get(client: Minio) -> None:
    bucket, key, content = BUCKETS[-1], f"{_PROBE_PREFIX}/{uuid.uuid4().hex}", b"ready"
    await client.put_object(bucket, key, BytesIO(content), len(content))
    async with await client.get_object(bucket, key) as response:
        got = await response.read()
    await client.remove_object(bucket, key)
    if got != content:
        raise NotReady("an object isn't read back as it was written")


class S3Server:
    # The gRPC ports are explicit because their defaults are the others plus 10000, in the range of client ports.
    ports = (
        NAME,
        *(f"s3-{p}" for p in ("grpc", "master", "master-grpc", "volume", "volume-grpc", "filer", "filer-grpc")),
    )

    def __init__(self, context: Context) -> None:
        self._context = context
        self._data = context.layout.of(NAME)

    def prepare(self) -> None:
        (self._data / "volumes").mkdir(parents=True, exist_ok=True)
        connection = self.connection()
        identity = {
            "name": "platform",
            "credentials": [{"accessKey": connection.access_key, "secretKey": connection.secret_key}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        }
        write_private(self._data / "s3.json", json.dumps({"identities": [identity]}))

    def program(self) -> Program:
        weed = str(Path(sysconfig.get_path("scripts")) / "weed")
        command = (weed, "-logtostderr=true", "server", *self._options())
        # A graceful stop takes up to half a minute and saves nothing that a kill loses.
        return Program(name=NAME, command=command, folder=self._data, stop_wait_s=1)

    def _options(self) -> list[str]:
        port = self._context.ports.get
        options: dict[str, object] = {
            "dir": self._data / "volumes",
            "ip": HOST,
            "ip.bind": HOST,
            "master.port": port("s3-master"),
            "master.port.grpc": port("s3-master-grpc"),
            "master.telemetry": "false",
            "master.electionTimeout": "1s",
            "master.volumeSizeLimitMB": 256,
            "volume.port": port("s3-volume"),
            "volume.port.grpc": port("s3-volume-grpc"),
            "volume.max": 0,
            "volume.preStopSeconds": 0,
            "filer": "true",
            "filer.port": port("s3-filer"),
            "filer.port.grpc": port("s3-filer-grpc"),
            "s3": "true",
            "s3.port": port(NAME),
            "s3.port.grpc": port("s3-grpc"),
            "s3.port.iceberg": 0,
            "s3.port.lance": 0,
            "s3.config": self._data / "s3.json",
            "s3.iam": "false",
            "s3.allowDeleteBucketNotEmpty": "false",
            "s3.autoCreateBucket": "false",
        }
        return [f"-{name}={value}" for name, value in options.items()]

    def connection(self) -> S3Connection:
        secret = self._context.credentials.get
        return S3Connection(f"http://{HOST}:{self._context.ports.get(NAME)}", secret("s3.access"), secret("s3.secret"))


def remove_sockets(ports: Ports) -> None:
    """Take away the Unix sockets that a killed SeaweedFS leaves where no option can put them elsewhere."""
    for name in S3Server.ports:
        part = name.removeprefix(f"{NAME}-") if name != f"{NAME}-grpc" else f"{NAME}-grpc"
        Path(f"/tmp/seaweedfs-{part}-{ports.get(name)}.sock").unlink(missing_ok=True)  # noqa: S108


def external(environ: Mapping[str, str]) -> S3Connection | None:
    """The store that the settings point at."""
    endpoint = environ.get(VARIABLE)
    if not endpoint:
        return None
    return S3Connection(
        endpoint,
        environ.get("MLP_S3_ACCESS_KEY", ""),
        environ.get("MLP_S3_SECRET_KEY", ""),
        environ.get("MLP_S3_REGION", _REGION),
    )
