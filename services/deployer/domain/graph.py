"""Which deployment comes after which: one document for all, so that two halves of a cycle can't both get in."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self


@dataclass(frozen=True, kw_only=True)
class Reservation:
    """Edges of a deployment that a request asks for and that isn't decided yet, as far as this document knows."""

    request_key: str
    deployment_id: str
    after: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Graph:
    """`settled`: edges of deployments as they were stored; `reserved`: edges that may come to be."""

    settled: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    reserved: tuple[Reservation, ...] = ()

    def cycle(self, deployment_id: str, after: tuple[str, ...]) -> tuple[str, ...] | None:
        """The way from `deployment_id` back to itself, if it came after `after`; reserved edges count."""
        came_from: dict[str, str] = dict.fromkeys(after, deployment_id)
        waiting = list(came_from)
        while waiting:
            here = waiting.pop()
            for there in self._edges(here):
                if there == deployment_id:
                    return _way_back(came_from, here, deployment_id)
                if there not in came_from:
                    came_from[there] = here
                    waiting.append(there)
        return None

    def reservations(self, deployment_ids: tuple[str, ...]) -> tuple[Reservation, ...]:
        return tuple(each for each in self.reserved if each.deployment_id in deployment_ids)

    def reserve(self, reservation: Reservation) -> Self:
        return replace(self, reserved=(*self._without(reservation.request_key), reservation))

    def release(self, *request_keys: str) -> Self:
        """Without what a request has reserved, whichever of these its key is."""
        return replace(self, reserved=self._without(*request_keys))

    def settle(self, deployment_id: str, after: tuple[str, ...]) -> Self:
        others = {name: edges for name, edges in self.settled.items() if name != deployment_id}
        return replace(self, settled={**others, deployment_id: after} if after else others)

    def _edges(self, deployment_id: str) -> tuple[str, ...]:
        asked = (each.after for each in self.reserved if each.deployment_id == deployment_id)
        return (*self.settled.get(deployment_id, ()), *(edge for after in asked for edge in after))

    def _without(self, *request_keys: str) -> tuple[Reservation, ...]:
        return tuple(each for each in self.reserved if each.request_key not in request_keys)


def _way_back(came_from: Mapping[str, str], last: str, start: str) -> tuple[str, ...]:
    way = [start, last]
    while way[-1] != start:
        way.append(came_from[way[-1]])
    return tuple(reversed(way))
