"""How this process reaches Kafka."""

import ssl
from typing import Any, Final

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

from chassis.errors import BusUnavailable
from chassis.settings import KafkaSettings

_ANSWER_MS: Final = 5_000


def client_options(settings: KafkaSettings) -> dict[str, Any]:
    """The keyword arguments that every aiokafka client of this process shares."""
    options: dict[str, Any] = {
        "bootstrap_servers": settings.bootstrap_servers,
        "security_protocol": settings.security_protocol,
    }
    if settings.security_protocol.startswith("SASL"):
        options |= {
            "sasl_mechanism": settings.sasl_mechanism,
            "sasl_plain_username": settings.username,
            "sasl_plain_password": settings.password.get_secret_value(),
        }
    if settings.security_protocol.endswith("SSL"):
        options["ssl_context"] = ssl.create_default_context(cafile=settings.ssl_cafile)
    return options


async def ping(settings: KafkaSettings) -> None:
    """Connect, sign in and ask who is there, on a connection of its own: what the others are told may be hours old.

    Raises:
        BusUnavailable: nobody answers.
    """
    client = AIOKafkaClient(**client_options(settings), request_timeout_ms=_ANSWER_MS)
    try:
        await client.bootstrap()
    except (KafkaError, OSError) as error:
        raise BusUnavailable(f"no answer from {settings.bootstrap_servers}") from error
    finally:
        await client.close()
