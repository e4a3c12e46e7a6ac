"""The bus of the tests, as each principal reaches it."""

from typing import Any

from chassis.settings import KafkaSettings


class KafkaServer:
    """The bus of the tests, with all topics, principals and ACLs."""

    def __init__(self, section: dict[str, Any]) -> None:
        self.bootstrap_servers: str = section["bootstrap_servers"]
        self._section = section

    def settings(self, principal: str) -> KafkaSettings:
        """How `principal` signs in."""
        return KafkaSettings(
            bootstrap_servers=self.bootstrap_servers,
            security_protocol=self._section["security_protocol"],
            sasl_mechanism=self._section["sasl_mechanism"],
            username=principal,
            password=self._section["principals"][principal]["password"],
            session_timeout_ms=6_000,
        )
