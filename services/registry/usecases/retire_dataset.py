"""A data set is taken out of use."""

from dataclasses import dataclass

from chassis.bus.delivery import Delivery
from chassis.clock import Clock
from schemas.datasets import DatasetRetirementRequested
from services.registry.domain.dataset import Dataset
from services.registry.ports import Repository
from services.registry.refusals import refusing
from services.registry.usecases.asking import asked


@dataclass(frozen=True)
class RetireDataset:
    """Answers at once."""

    datasets: Repository[Dataset]
    clock: Clock

    async def __call__(self, request: DatasetRetirementRequested, delivery: Delivery) -> None:
        who = asked(delivery, self.clock)

        def decide(dataset: Dataset | None) -> Dataset:
            dataset = Dataset.existing(dataset, request.dataset_id)
            dataset.retire(who)
            return dataset

        with refusing():
            await self.datasets.answer(request.dataset_id, decide, delivery)
