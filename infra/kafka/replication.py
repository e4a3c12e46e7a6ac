"""How often a partition has to be there, so that what was acknowledged isn't lost with a disk."""

from collections.abc import Mapping
from typing import Final

from schemas.topics import SAFE_REPLICATION

REPLICATION: Final = "MLP_KAFKA_REPLICATION"
PRODUCTION: Final = "MLP_KAFKA_PRODUCTION"
BROKERS_OWN: Final = -1
_NAMED: Final = 3


class TooFewReplicas(Exception):
    """What is asked for isn't enough for production."""


def is_production(environ: Mapping[str, str]) -> bool:
    """Whether the settings say so."""
    return environ.get(PRODUCTION, "").lower() in ("1", "true", "yes")


def replication_from(environ: Mapping[str, str]) -> int:
    """How often partitions are to be there when they are made.

    Where it isn't said: in production three times, else as the broker likes.

    Raises:
        TooFewReplicas: production is said, and fewer.
    """
    default = SAFE_REPLICATION if is_production(environ) else BROKERS_OWN
    replication = int(environ.get(REPLICATION) or default)
    if is_production(environ) and replication < SAFE_REPLICATION:
        raise TooFewReplicas(f"{REPLICATION}={replication} is too few for {PRODUCTION}: at least {SAFE_REPLICATION}")
    return replication


def complaint(replicas: Mapping[str, int]) -> str | None:
    """What to say of topics, by how often they are there; None if nothing is to be said."""
    weak = sorted(name for name, count in replicas.items() if count < SAFE_REPLICATION)
    if not weak:
        return None
    some = ", ".join(f"{name}: {replicas[name]}" for name in weak[:_NAMED])
    return (
        f"{len(weak)} of {len(replicas)} topics have fewer than {SAFE_REPLICATION} replicas ({some}, …), so a lost disk"
        f" takes acknowledged events along. Set {REPLICATION}={SAFE_REPLICATION} before topics are made, with as many"
        " brokers at least; of topics that are there reassign the partitions (kafka-reassign-partitions.sh)"
    )
