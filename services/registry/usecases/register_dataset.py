"""A data set, with its schema as read from its files."""

from dataclasses import dataclass

from chassis.bus.delivery import Delivery
from chassis.clock import Clock
from schemas.datasets import DatasetRegistrationRequested
from services.registry.domain.dataset import Dataset, ensure_not_reserved
from services.registry.ports import ReadContent, Repository
from services.registry.refusals import refusing
from services.registry.usecases.asking import asked


@dataclass(frozen=True)
class RegisterDataset:
    """Slow: called by the worker, after `ensure_possible` by the handler."""

    datasets: Repository[Dataset]
    read_content: ReadContent
    clock: Clock

    async def __call__(self, request: DatasetRegistrationRequested, delivery: Delivery) -> None:
        self.ensure_possible(request)
        content = await self.read_content(request.uri, request.format)
        who = asked(delivery, self.clock)

        def decide(dataset: Dataset | None) -> Dataset:
            return Dataset.registered(dataset, request, content, who)

        await self.datasets.answer(request.dataset_id, decide, delivery, makes=True)

    def ensure_possible(self, request: DatasetRegistrationRequested) -> None:
        """Refuse what no content can make right."""
        with refusing():
            ensure_not_reserved(request.uri)
