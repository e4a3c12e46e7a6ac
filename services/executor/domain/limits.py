"""How many executions may run at once, of one deployment and in one market."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

ANY_OTHER: Final = "*"


class Running(Protocol):
    """An execution that runs, or is about to."""

    @property
    def deployment_id(self) -> str: ...
    @property
    def market(self) -> str: ...


@dataclass(frozen=True)
class Full:
    """What may run no more at present."""

    deployments: frozenset[str] = frozenset()
    markets: frozenset[str] = frozenset()

    def holds_back(self, wanted: Running) -> bool:
        return wanted.deployment_id in self.deployments or wanted.market in self.markets


@dataclass(frozen=True)
class Limits:
    """`per_deployment` is the same for all, None: as many as there are. `per_market` by market, `*`: any other."""

    per_deployment: int | None = None
    per_market: Mapping[str, int] = field(default_factory=dict[str, int])

    @property
    def any(self) -> bool:
        return self.per_deployment is not None or bool(self.per_market)

    def full(self, running: Iterable[Running]) -> Full:
        """What has reached its limit."""
        held = list(running)
        deployments = Counter(each.deployment_id for each in held)
        markets = Counter(each.market for each in held)
        per_deployment = self.per_deployment
        return Full(
            deployments=frozenset(
                name for name, count in deployments.items() if per_deployment is not None and count >= per_deployment
            ),
            markets=frozenset(name for name, count in markets.items() if count >= self._of_market(name)),
        )

    def _of_market(self, market: str) -> float:
        return self.per_market.get(market, self.per_market.get(ANY_OTHER, float("inf")))
