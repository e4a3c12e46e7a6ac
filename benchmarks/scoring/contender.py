"""Who scores: each stays warm from its first case to its last, and times itself."""

from dataclasses import dataclass
from typing import Final, Protocol

import obstore

from benchmarks.scoring.cases import Case
from examples.grocery.objects import Buckets
from examples.grocery.stack import ObjectStorage

OUTPUTS: Final = "benchmarks/scoring"
"""Prefix in the bucket `results` of all that isn't written by the platform itself."""


@dataclass(frozen=True)
class Scored:
    """Seconds from the word go to the last part stored, and the parts' keys in the bucket `results`."""

    seconds: float
    keys: list[str]


class Contender(Protocol):
    @property
    def name(self) -> str: ...

    async def score(self, case: Case) -> Scored:
        """Score all of it, from and to the object store."""
        ...


def forget_outputs(storage: ObjectStorage) -> None:
    """Delete all that lies under `OUTPUTS`."""
    store, _ = Buckets(storage).at("s3://results/")
    for page in obstore.list(store, prefix=OUTPUTS):
        obstore.delete(store, [item["path"] for item in page])
