"""Where the running platform is, as `make up` wrote it down."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from examples.grocery.errors import StackDownError

SERVICES = ("registry", "deployer", "executor", "metrics")
_READY_TIMEOUT_S = 5


@dataclass(frozen=True)
class Kafka:
    bootstrap_servers: str
    security_protocol: str
    sasl_mechanism: str
    passwords: dict[str, str]

    def client(self, principal: str) -> dict[str, Any]:
        """Keyword arguments of an aiokafka client that is `principal`."""
        return {
            "bootstrap_servers": self.bootstrap_servers,
            "security_protocol": self.security_protocol,
            "sasl_mechanism": self.sasl_mechanism,
            "sasl_plain_username": principal,
            "sasl_plain_password": self.passwords[principal],
        }


@dataclass(frozen=True)
class ObjectStorage:
    endpoint: str
    access_key: str
    secret_key: str


@dataclass(frozen=True)
class Stack:
    kafka: Kafka
    objects: ObjectStorage
    postgres_dsn: str
    service_urls: dict[str, list[str]]

    def check_ready(self) -> None:
        """Ask every service that the demo needs.

        Raises:
            StackDownError: one is missing, or says that it is not ready, with its reasons.
        """
        for name in SERVICES:
            urls = self.service_urls.get(name)
            if not urls:
                raise StackDownError(f"the service {name} is not running")
            for url in urls:
                _check_ready(name, url)


def read_stack(path: Path) -> Stack:
    try:
        return _parse(json.loads(path.read_text()))
    except FileNotFoundError:
        raise StackDownError(f"no stack is running ({path} is not there)") from None
    except (KeyError, ValueError) as error:
        raise StackDownError(f"{path} is not complete ({error})") from error


def _parse(content: dict[str, Any]) -> Stack:
    kafka, objects = content["kafka"], content["s3"]
    return Stack(
        kafka=Kafka(
            bootstrap_servers=kafka["bootstrap_servers"],
            security_protocol=kafka["security_protocol"],
            sasl_mechanism=kafka["sasl_mechanism"],
            passwords={name: principal["password"] for name, principal in kafka["principals"].items()},
        ),
        objects=ObjectStorage(objects["endpoint"], objects["access_key"], objects["secret_key"]),
        postgres_dsn=content["postgres"]["dsn"],
        service_urls={
            name: [instance["url"] for instance in instances] for name, instances in content.get("services", {}).items()
        },
    )


def _check_ready(name: str, url: str) -> None:
    try:
        urlopen(f"{url}/health/ready", timeout=_READY_TIMEOUT_S).close()  # noqa: S310 - the stack's own http address
    except HTTPError as error:
        reasons = error.read().decode(errors="replace")
        raise StackDownError(f"the service {name} is not ready: {reasons}") from error
    except (URLError, OSError) as error:
        raise StackDownError(f"the service {name} does not answer at {url}") from error
