"""A second S3 gateway before the stack's SeaweedFS, whose keys may do less than everything."""

import json
import os
import subprocess
import sysconfig
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pydantic import SecretStr

from chassis.settings import S3Settings
from infra.embedded.ports import HOST, Ports
from infra.embedded.stack import Stack

_READY_S = 30.0


@contextmanager
def narrow(stack: Stack, real: S3Settings, folder: Path, rights: Sequence[str]) -> Iterator[S3Settings]:
    """A key that has these rights alone, such as `Read:datasets/open/*` or `List:datasets`."""
    ports = Ports(folder / "ports.json", {})
    port, config = ports.get("narrow"), folder / "s3.json"
    key = {"accessKey": "narrow", "secretKey": "narrow-secret"}
    config.write_text(json.dumps({"identities": [{"name": "narrow", "credentials": [key], "actions": list(rights)}]}))
    servers = Ports(stack.layout.ports_file, os.environ)
    filer = f"{HOST}:{servers.get('s3-filer')}.{servers.get('s3-filer-grpc')}"
    options = {
        "filer": filer, "port": port, "port.grpc": ports.get("narrow-grpc"), "port.iceberg": 0, "port.lance": 0,
        "ip.bind": HOST, "config": config, "iam": "false",
    }  # fmt: skip
    weed = str(Path(sysconfig.get_path("scripts")) / "weed")
    command = [weed, "-logtostderr=true", "s3", *(f"-{name}={value}" for name, value in options.items())]
    with (folder / "narrow.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
    try:
        endpoint = f"http://{HOST}:{port}"
        _await(endpoint)
        said = {
            "endpoint": endpoint,
            "access_key": SecretStr(key["accessKey"]),
            "secret_key": SecretStr(key["secretKey"]),
        }
        yield real.model_copy(update=said)
    finally:
        process.kill()
        process.wait()


def _await(endpoint: str) -> None:
    deadline = time.monotonic() + _READY_S
    while True:
        try:
            urllib.request.urlopen(endpoint, timeout=2).close()  # noqa: S310
        except urllib.error.HTTPError:
            return  # It says no: it is there.
        except OSError:
            assert time.monotonic() < deadline, "the gateway didn't get ready"
            time.sleep(0.1)
        else:
            return
