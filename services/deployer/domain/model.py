"""A model as far as a deployment needs to know it."""

from dataclasses import dataclass
from typing import Self

from schemas.aliases import Alias, resolve
from schemas.signature import Signature
from schemas.values import ALL_MARKETS, RUNNABLE_FORMATS
from services.deployer.domain.errors import (
    AliasUnknown,
    BrandNotAllowed,
    FormatNotRunnable,
    MarketNotAllowed,
    ModelIsArchived,
    ModelUnknown,
    SignatureMissing,
    VersionIsArchived,
    VersionIsUnfit,
    VersionUnknown,
)


@dataclass(frozen=True, kw_only=True)
class KnownVersion:
    """What the registry's facts said of a version; `signature` is JSON, `unfit` why it isn't run any more."""

    model_id: str
    number: int
    format: str
    signature: str | None
    archived: bool = False
    unfit: str | None = None

    def runnable(self) -> Signature:
        """The version's signature.

        Raises: VersionIsArchived, VersionIsUnfit, SignatureMissing, FormatNotRunnable.
        """
        if self.archived:
            raise VersionIsArchived(f"version {self.number} of model {self.model_id} is archived")
        if self.unfit is not None:
            raise VersionIsUnfit(f"version {self.number} of model {self.model_id} isn't run any more ({self.unfit})")
        if self.format not in RUNNABLE_FORMATS:
            raise FormatNotRunnable(f"models of the format {self.format} can't be run yet")
        if self.signature is None:
            raise SignatureMissing(
                f"version {self.number} of model {self.model_id} has no signature: register a version that has one"
            )
        return Signature.model_validate_json(self.signature)


@dataclass(frozen=True, kw_only=True)
class KnownModel:
    """What the registry's facts said of a model as a whole."""

    model_id: str
    markets: tuple[str, ...]
    brands: tuple[str, ...]
    aliases: tuple[Alias, ...] = ()
    archived: bool = False

    @classmethod
    def existing(cls, model: Self | None, model_id: str) -> Self:
        """Raises: ModelUnknown, ModelIsArchived."""
        if model is None:
            raise ModelUnknown(f"there is no model {model_id}")
        if model.archived:
            raise ModelIsArchived(f"model {model_id} is archived")
        return model

    def ensure_covers(self, market: str, brand: str | None) -> None:
        """A deployment without a brand is not about one, and any model will do.

        Raises: MarketNotAllowed, BrandNotAllowed.
        """
        if ALL_MARKETS not in self.markets and market not in self.markets:
            raise MarketNotAllowed(f"{market} is not among the markets of model {self.model_id}")
        if brand is not None and self.brands and brand not in self.brands:
            raise BrandNotAllowed(f"{brand} is not among the brands of model {self.model_id}")

    def chosen(self, *, version: int | None, alias: str | None, market: str, brand: str | None) -> int:
        """The number of the version that a deployment would run now.

        Raises: AliasUnknown, VersionUnknown.
        """
        if alias is not None:
            version = resolve(self.aliases, alias, market=market, brand=brand)
            if version is None:
                raise AliasUnknown(f"alias {alias} of model {self.model_id} points nowhere in {market}")
        if version is None:
            raise self.unknown_version(version)
        return version

    def unknown_version(self, number: int | None) -> VersionUnknown:
        """What is wrong with a version that nothing was ever said of."""
        return VersionUnknown(f"model {self.model_id} has no version {number}")
