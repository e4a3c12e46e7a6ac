"""Where a Kafka cluster is, and who we are there."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from schemas.topics import PRINCIPALS

_log = logging.getLogger(__name__)
_log.addHandler(logging.NullHandler())


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """An address and, unless the cluster takes anyone, a name and a password."""

    bootstrap_servers: str
    security_protocol: str = "SASL_PLAINTEXT"
    sasl_mechanism: str = "SCRAM-SHA-512"
    username: str | None = None
    password: str = field(default="", repr=False)
    ssl_cafile: str | None = None

    def client_config(self) -> dict[str, Any]:
        """The same in librdkafka's names; its log lines are dropped, since what matters comes back as an exception."""
        config: dict[str, Any] = {
            "bootstrap.servers": self.bootstrap_servers,
            "security.protocol": self.security_protocol,
            "log_level": 0,
            "logger": _log,
        }
        if self.ssl_cafile is not None:
            config["ssl.ca.location"] = self.ssl_cafile
        if self.username is not None:
            config |= {
                "sasl.mechanism": self.sasl_mechanism,
                "sasl.username": self.username,
                "sasl.password": self.password,
            }
        return config


def cluster_from(environ: Mapping[str, str]) -> Cluster:
    """The cluster that the settings name, as its administrator if they say who that is.

    Raises:
        KeyError: `MLP_KAFKA_BOOTSTRAP_SERVERS` isn't set.
    """
    return Cluster(
        bootstrap_servers=environ["MLP_KAFKA_BOOTSTRAP_SERVERS"],
        security_protocol=environ.get("MLP_KAFKA_SECURITY_PROTOCOL", "SASL_PLAINTEXT"),
        sasl_mechanism=environ.get("MLP_KAFKA_SASL_MECHANISM", "SCRAM-SHA-512"),
        username=environ.get("MLP_KAFKA_ADMIN_USERNAME"),
        password=environ.get("MLP_KAFKA_ADMIN_PASSWORD", ""),
        ssl_cafile=environ.get("MLP_KAFKA_SSL_CAFILE"),
    )


def passwords_from(environ: Mapping[str, str]) -> dict[str, str]:
    """Principals' passwords by name, from `MLP_KAFKA_<PRINCIPAL>_PASSWORD`."""
    named = {principal: environ.get(f"MLP_KAFKA_{principal.upper()}_PASSWORD") for principal in PRINCIPALS}
    return {principal: password for principal, password in named.items() if password}
