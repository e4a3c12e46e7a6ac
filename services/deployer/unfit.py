"""Which deployments mean a version that has turned out unfit: they are in use, and run nothing."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import structlog

from chassis.bus.perseverance import through_outages
from chassis.documents.aggregates import Aggregates
from chassis.documents.client import Collection, Document, translated
from schemas.aliases import resolve
from services.deployer.domain.deployment import Deployment
from services.deployer.domain.model import KnownModel, KnownVersion
from services.deployer.known import read_model, read_version
from services.deployer.telemetry import UNFIT

log = structlog.get_logger(__name__)

EVERY_S: Final = 30.0


class Sources(Protocol):
    """What is known of unfit versions, their models, and the deployments in use of these models."""

    async def versions(self) -> Sequence[KnownVersion]: ...
    async def models(self, model_ids: Sequence[str]) -> Mapping[str, KnownModel]: ...
    async def deployments(self, model_ids: Sequence[str]) -> Iterable[Deployment]: ...


@dataclass
class UnfitWatch:
    """Looks now and then, counts them, and says of each once that it is one."""

    sources: Sources
    every_s: float = EVERY_S
    _said: set[tuple[str, int]] = field(default_factory=set[tuple[str, int]])

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await through_outages(self.once, bound_s=None)
            await asyncio.sleep(self.every_s)

    async def once(self) -> None:
        """Raises: DocumentsUnavailable."""
        unfit = {(each.model_id, each.number): each for each in await self.sources.versions()}
        model_ids = sorted({model_id for model_id, _ in unfit})
        found: set[tuple[str, int]] = set()
        if model_ids:
            models = await self.sources.models(model_ids)
            for deployment in await self.sources.deployments(model_ids):
                version = unfit.get((deployment.spec.model_id, _meant(deployment, models) or 0))
                if version is not None:
                    found.add((deployment.deployment_id, version.number))
                    self._say(deployment, version)
        UNFIT.set(len(found))
        self._said &= found

    def _say(self, deployment: Deployment, version: KnownVersion) -> None:
        mark = (deployment.deployment_id, version.number)
        if mark in self._said:
            return
        self._said.add(mark)
        log.error(
            "deployment_unfit",
            deployment_id=deployment.deployment_id,
            model_id=version.model_id,
            version=version.number,
            alias=deployment.spec.alias,
            code=(version.unfit or "").partition(":")[0],
        )


def _meant(deployment: Deployment, models: Mapping[str, KnownModel]) -> int | None:
    spec = deployment.spec
    if spec.model_id not in models:
        return None
    if spec.alias is None:
        return spec.version
    return resolve(models[spec.model_id].aliases, spec.alias, market=spec.market, brand=spec.brand)


@dataclass(frozen=True)
class StoredSources:
    """As this service's own collections have it, however far they have read the registry's facts."""

    known_versions: Collection
    known_models: Collection
    stored: Aggregates[Deployment]

    async def prepare(self) -> None:
        """Make the index that looking needs."""
        with translated():
            # Sparse, not partial: the embedded store reads a whole collection rather than a partial index.
            await self.known_versions.create_index("unfit", sparse=True)
            await self.stored.collection.create_index("spec.model_id")

    async def versions(self) -> list[KnownVersion]:
        found = map(read_version, await _all(self.known_versions, {"unfit": {"$exists": True}}))
        return [each for each in found if each is not None and not each.archived]

    async def models(self, model_ids: Sequence[str]) -> dict[str, KnownModel]:
        found = map(read_model, await _all(self.known_models, {"_id": {"$in": list(model_ids)}}))
        return {each.model_id: each for each in found if each is not None and not each.archived}

    async def deployments(self, model_ids: Sequence[str]) -> list[Deployment]:
        found = await _all(self.stored.collection, {"spec.model_id": {"$in": list(model_ids)}})
        return [self.stored.from_document(each) for each in found if each["state"] != "retired"]


async def _all(collection: Collection, which: Document) -> list[Document]:
    with translated():
        return await collection.find(which).to_list()
