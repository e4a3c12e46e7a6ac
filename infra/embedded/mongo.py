"""Documents: SecantusDB, which speaks MongoDB's wire protocol over WiredTiger."""

import sysconfig
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pymongo import MongoClient
from pymongo.errors import ConnectionFailure, PyMongoError
from pymongo.uri_parser import parse_uri

from infra.embedded.errors import NotReady
from infra.embedded.part import Context
from infra.embedded.ports import HOST
from infra.embedded.program import Program

NAME: Final = "mongo"
VARIABLE: Final = "MLP_MONGO_URL"
_PROBE_TIMEOUT_MS: Final = 2000


@dataclass(frozen=True)
class MongoConnection:
    address: str

    @property
    def url(self) -> str:
        nodes: list[tuple[str, int | None]] = parse_uri(self.address)["nodelist"]
        return "mongodb://" + ",".join(f"{host}:{port}" for host, port in nodes)

    def probe(self) -> None:
        token = uuid.uuid4().hex
        try:
            client: MongoClient[dict[str, Any]] = MongoClient(
                self.address, serverSelectionTimeoutMS=_PROBE_TIMEOUT_MS, socketTimeoutMS=_PROBE_TIMEOUT_MS
            )
            with client:
                probes = client["internal"]["readiness"]
                probes.insert_one({"_id": token})
                found = probes.find_one({"_id": token})
                probes.delete_one({"_id": token})
        except (PyMongoError, ConnectionFailure) as error:
            raise NotReady(str(error)) from error
        if found is None:
            raise NotReady("an inserted document isn't found")

    def provision(self) -> None:
        """Nothing: databases and collections come with their first document, indexes with their service."""

    def described(self) -> dict[str, Any]:
        return {"url": self.address}

    def settings(self, service: str) -> dict[str, str]:  # noqa: ARG002
        return {VARIABLE: self.address}


class MongoServer:
    ports = (NAME,)

    def __init__(self, context: Context) -> None:
        self._context = context
        self._data = context.layout.of(NAME)

    def prepare(self) -> None:
        self._data.mkdir(parents=True, exist_ok=True)

    def program(self) -> Program:
        command = (
            str(Path(sysconfig.get_path("scripts")) / "secantusd-py"),
            *("--host", HOST, "--port", str(self._context.ports.get(NAME))),
            *("--storage-path", str(self._data)),
            *("--cache-size", "64M"),
            # Acknowledged writes outlive kill -9 and power cuts.
            "--sync-on-commit",
        )
        return Program(name=NAME, command=command, folder=self._data)

    def connection(self) -> MongoConnection:
        # Majority without the journal loses acknowledged writes on kill -9.
        port = self._context.ports.get(NAME)
        return MongoConnection(f"mongodb://{HOST}:{port}/?replicaSet=secantus&w=majority&journal=true")


def external(environ: Mapping[str, str]) -> MongoConnection | None:
    """The server that the settings point at."""
    address = environ.get(VARIABLE)
    return MongoConnection(address) if address else None
