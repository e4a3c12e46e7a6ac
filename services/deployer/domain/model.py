"""A model as far as a deployment needs to know it."""

from dataclasses import dataclass, replace
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
    VersionUnknown,
)


@dataclass(frozen=True, kw_only=True)
class KnownVersion:
    """`signature` is a position in the model's `signatures`; None: it has none."""

    number: int
    format: str
    signature: int | None
    archived: bool = False


@dataclass(frozen=True, kw_only=True)
class KnownModel:
    """What the registry's facts said of a model.

    `signatures` holds each that a version has, once, as JSON: versions seldom differ in it, and a document has a limit.
    """

    model_id: str
    markets: tuple[str, ...]
    brands: tuple[str, ...]
    versions: tuple[KnownVersion, ...] = ()
    signatures: tuple[str, ...] = ()
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

    def chosen(self, *, version: int | None, alias: str | None, market: str, brand: str | None) -> KnownVersion:
        """The version that a deployment would run now.

        Raises: AliasUnknown, VersionUnknown, VersionIsArchived.
        """
        if alias is not None:
            version = resolve(self.aliases, alias, market=market, brand=brand)
            if version is None:
                raise AliasUnknown(f"alias {alias} of model {self.model_id} points nowhere in {market}")
        found = next((each for each in self.versions if each.number == version), None)
        if found is None:
            raise VersionUnknown(f"model {self.model_id} has no version {version}")
        if found.archived:
            raise VersionIsArchived(f"version {version} of model {self.model_id} is archived")
        return found

    def runnable(self, version: KnownVersion) -> Signature:
        """The version's signature.

        Raises: SignatureMissing, FormatNotRunnable.
        """
        if version.format not in RUNNABLE_FORMATS:
            raise FormatNotRunnable(f"models of the format {version.format} can't be run yet")
        if version.signature is None:
            raise SignatureMissing(
                f"version {version.number} of model {self.model_id} has no signature: register a version that has one"
            )
        return Signature.model_validate_json(self.signatures[version.signature])

    def with_version(self, number: int, model_format: str, signature: Signature | None) -> Self:
        text = None if signature is None else signature.model_dump_json()
        signatures = self.signatures if text is None or text in self.signatures else (*self.signatures, text)
        position = None if text is None else signatures.index(text)
        version = KnownVersion(number=number, format=model_format, signature=position)
        return replace(self, versions=(*self.versions, version), signatures=signatures)

    def without_version(self, number: int) -> Self:
        versions = tuple(replace(each, archived=True) if each.number == number else each for each in self.versions)
        return replace(self, versions=versions)
