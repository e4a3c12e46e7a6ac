"""The data set: where it lies, what was found there, and whether it is in use."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Self

from schemas.datasets import DatasetColumn, DatasetRegistered, DatasetRegistrationRequested, DatasetRetired
from schemas.event import Event
from schemas.uris import TRIES
from services.registry.domain.asked import Asked
from services.registry.domain.errors import DatasetIsRetired, DatasetPlaceReserved, DatasetUnknown


def ensure_not_reserved(uri: str) -> None:
    """Raises: DatasetPlaceReserved."""
    # What has no slash at its end may be a folder all the same.
    if f"{uri}/".startswith(TRIES):
        raise DatasetPlaceReserved(f"{TRIES} is the platform's own, and what lies there is removed: use another folder")


@dataclass(frozen=True, kw_only=True)
class Content:
    """What the files say. `rows` is None where they can't be counted without reading them all."""

    columns: tuple[DatasetColumn, ...]
    objects: int
    size_bytes: int
    rows: int | None = None


@dataclass(frozen=True, kw_only=True)
class Description:
    """What is said about the data set."""

    name: str
    uri: str
    format: str
    markets: tuple[str, ...]
    brands: tuple[str, ...]
    function: str | None
    description: str | None

    @classmethod
    def of(cls, request: DatasetRegistrationRequested) -> Self:
        return cls(
            name=request.name,
            uri=request.uri,
            format=request.format,
            markets=request.markets,
            brands=request.brands,
            function=request.function,
            description=request.description,
        )


@dataclass(kw_only=True)
class Dataset:
    """The aggregate; `events` is what it has raised since it was loaded."""

    dataset_id: str
    description: Description
    content: Content
    registered_by: str
    registered_at: datetime
    retired: bool = False
    events: list[Event] = field(default_factory=list)

    @classmethod
    def registered(
        cls, known: Self | None, request: DatasetRegistrationRequested, content: Content, asked: Asked
    ) -> Self:
        """The data set as it now is. Registering puts a retired one back into use.

        Who registered it and when stays as it was where nothing changes by it.
        """
        new = cls(
            dataset_id=request.dataset_id,
            description=Description.of(request),
            content=content,
            registered_by=asked.by,
            registered_at=asked.at,
        )
        if known is not None and new.same_as(known):
            new = replace(new, registered_by=known.registered_by, registered_at=known.registered_at)
        new.events.append(new.fact(asked.request_id))
        return new

    @classmethod
    def existing(cls, dataset: Self | None, dataset_id: str) -> Self:
        """Raises: DatasetUnknown, DatasetIsRetired."""
        if dataset is None:
            raise DatasetUnknown(f"there is no data set {dataset_id}")
        if dataset.retired:
            raise DatasetIsRetired(f"data set {dataset_id} is retired")
        return dataset

    def same_as(self, other: Self) -> bool:
        return (self.description, self.content, self.retired) == (other.description, other.content, other.retired)

    def retire(self, asked: Asked) -> None:
        self.retired = True
        self.events.append(DatasetRetired(dataset_id=self.dataset_id, retired_by=asked.by, request_id=asked.request_id))

    def fact(self, request_id: str) -> DatasetRegistered:
        return DatasetRegistered.model_validate(
            {
                **vars(self.description),
                **vars(self.content),
                "dataset_id": self.dataset_id,
                "registered_by": self.registered_by,
                "registered_at": self.registered_at,
                "request_id": request_id,
            }
        )
