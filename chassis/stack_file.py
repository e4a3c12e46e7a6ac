"""Where a command of the operators' finds the platform: its settings, else the embedded stack's file."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import SecretStr, ValidationError

from chassis.settings import KafkaSettings, MongoSettings, S3Settings
from schemas.topics import OPERATOR

KAFKA_VARIABLE: Final = "MLP_KAFKA_BOOTSTRAP_SERVERS"
MONGO_VARIABLE: Final = "MLP_MONGO_URL"
S3_VARIABLE: Final = "MLP_S3_ENDPOINT"
T = TypeVar("T")


class StackUnknown(ValueError):
    """Nothing says where the platform is; the message says what can."""


def kafka_of(stack: Path | None, environ: Mapping[str, str] = os.environ) -> KafkaSettings:
    """The bus of `stack`; else that of the settings; else, as `operator`, that of the run folder's stack file.

    Raises:
        StackUnknown: none of them says where it is.
    """
    if stack is None and KAFKA_VARIABLE in environ:
        return _from_settings()
    return _read(stack, environ, KAFKA_VARIABLE, lambda content: _kafka_from(content["kafka"]))


def mongo_of(stack: Path | None, environ: Mapping[str, str] = os.environ) -> MongoSettings:
    """The document store, found as the bus is. Raises: StackUnknown."""
    if stack is None and MONGO_VARIABLE in environ:
        return MongoSettings()
    return _read(stack, environ, MONGO_VARIABLE, lambda content: MongoSettings(url=content["mongo"]["url"]))


def s3_of(stack: Path | None, environ: Mapping[str, str] = os.environ) -> S3Settings:
    """The object store, found as the bus is. Raises: StackUnknown."""
    if stack is None and S3_VARIABLE in environ:
        return S3Settings()
    return _read(stack, environ, S3_VARIABLE, lambda content: S3Settings(**content["s3"]))


def _read(stack: Path | None, environ: Mapping[str, str], variable: str, found_in: Callable[[dict[str, Any]], T]) -> T:
    file = stack or Path(environ.get("MLP_RUN_FOLDER", ".run")) / "stack.json"
    if not file.exists():
        raise StackUnknown(
            f"{file} isn't there: is the stack up (`make up`), and is this its folder?"
            f" Else say where it is with --stack, or set {variable}"
        )
    try:
        return found_in(json.loads(file.read_text()))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StackUnknown(f"{file} can't be read as a stack's file ({type(error).__name__}: {error})") from error


def _from_settings() -> KafkaSettings:
    try:
        return KafkaSettings()
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise StackUnknown(f"MLP_KAFKA_{str(first['loc'][0]).upper()}: {first['msg']}") from error


def _kafka_from(section: Mapping[str, Any]) -> KafkaSettings:
    credentials: dict[str, Any] = {}
    if str(section["security_protocol"]).startswith("SASL"):
        credentials = {"username": OPERATOR, "password": SecretStr(section["principals"][OPERATOR]["password"])}
    return KafkaSettings(
        bootstrap_servers=section["bootstrap_servers"],
        security_protocol=section["security_protocol"],
        sasl_mechanism=section["sasl_mechanism"],
        **credentials,
    )
