"""Aliases: movable names for versions, which hold everywhere, in a market, for a brand, or in both."""

from collections.abc import Iterable

from schemas.event import Wire
from schemas.ids import AliasName, ModelVersion
from schemas.values import AliasScope


class Alias(Wire):
    """Where one alias points in one scope."""

    alias: AliasName
    scope: AliasScope
    version: ModelVersion


def point(aliases: Iterable[Alias], promoted: Alias) -> tuple[Alias, ...]:
    """`aliases` after a promotion; sorted, so that replicas are equal whatever order they were told in."""
    others = (each for each in aliases if (each.alias, each.scope) != (promoted.alias, promoted.scope))
    return tuple(sorted((*others, promoted), key=_order))


def resolve(aliases: Iterable[Alias], alias: str, *, market: str, brand: str | None = None) -> int | None:
    """The version that `alias` means for a deployment in `market`, for `brand`; None if it points nowhere there.

    The narrowest scope wins: market and brand, then the market, then the brand, then everywhere.
    """
    holding = [each for each in aliases if each.alias == alias and _holds(each.scope, market=market, brand=brand)]
    return max(holding, key=lambda each: _narrowness(each.scope)).version if holding else None


def _holds(scope: AliasScope, *, market: str, brand: str | None) -> bool:
    return scope.market in (None, market) and scope.brand in (None, brand)


def _narrowness(scope: AliasScope) -> tuple[bool, bool, bool]:
    by_market, by_brand = scope.market is not None, scope.brand is not None
    return by_market and by_brand, by_market, by_brand


def _order(alias: Alias) -> tuple[str, str, str]:
    return alias.alias, alias.scope.market or "", alias.scope.brand or ""
