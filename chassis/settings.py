"""Settings are environment variables that begin with `MLP_`; one class a dependency, joined by each service's own."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


def prefixed(prefix: str) -> SettingsConfigDict:
    """The configuration of a settings class whose variables begin with `MLP_<prefix>_`."""
    return SettingsConfigDict(env_prefix=f"MLP_{prefix}_", frozen=True, extra="ignore")


class KafkaSettings(BaseSettings):
    """The bus, and who this process is on it."""

    model_config = prefixed("KAFKA")

    bootstrap_servers: str = "127.0.0.1:9092"
    security_protocol: Literal["SASL_PLAINTEXT", "SASL_SSL", "PLAINTEXT", "SSL"] = "SASL_PLAINTEXT"
    sasl_mechanism: Literal["SCRAM-SHA-512"] = "SCRAM-SHA-512"
    username: str = ""
    password: SecretStr = SecretStr("")
    ssl_cafile: Path | None = None
    session_timeout_ms: int = Field(default=10_000, ge=6_000)
    max_poll_interval_ms: int = Field(default=300_000, ge=90_000)


class MongoSettings(BaseSettings):
    """The document store."""

    model_config = prefixed("MONGO")

    url: SecretStr = SecretStr("mongodb://127.0.0.1:27017/?w=majority&journal=true")
    timeout_s: float = Field(default=5.0, gt=0)


class S3Settings(BaseSettings):
    """The object store; any S3."""

    model_config = prefixed("S3")

    endpoint: str = "http://127.0.0.1:9000"
    access_key: SecretStr = SecretStr("")
    secret_key: SecretStr = SecretStr("")
    region: str = "us-east-1"


class PostgresSettings(BaseSettings):
    """PostgreSQL, with TimescaleDB or without."""

    model_config = prefixed("POSTGRES")

    dsn: SecretStr = SecretStr("postgresql://127.0.0.1:5432/postgres")
    pool_size: int = Field(default=2, ge=1)


class HttpSettings(BaseSettings):
    """The port of this process for health and figures."""

    model_config = prefixed("HTTP")

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)


class LogSettings(BaseSettings):
    """Structured logs."""

    model_config = prefixed("LOG")

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    format: Literal["json", "console"] = "json"


class FaultSettings(BaseSettings):
    """For tests alone: see `chassis/crash_points.py`."""

    model_config = prefixed("FAULT")

    crash_folder: Path | None = None


class GarbageSettings(BaseSettings):
    """Collecting what nothing names in the object store."""

    model_config = prefixed("GARBAGE")

    every_s: float = Field(
        default=6 * 3600, ge=0, description="From the end of one pass to the next; 0: only by the operators' command."
    )
    after_s: float = Field(
        default=24 * 3600, ge=24 * 3600, description="What was written later than so long ago is left alone."
    )


class ChassisSettings(BaseSettings):
    """What every service needs. A service's own settings extend this, with `prefixed("<SERVICE>")`."""

    model_config = prefixed("CHASSIS")

    kafka: KafkaSettings = Field(default_factory=KafkaSettings)
    mongo: MongoSettings = Field(default_factory=MongoSettings)
    s3: S3Settings = Field(default_factory=S3Settings)
    http: HttpSettings = Field(default_factory=HttpSettings)
    log: LogSettings = Field(default_factory=LogSettings)
    fault: FaultSettings = Field(default_factory=FaultSettings)
    stuck_after_s: float = Field(
        default=120.0, gt=0, description="A consumer without progress for so long, with lag, ends its process."
    )
