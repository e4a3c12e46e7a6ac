"""Edges between deployments, kept true across two documents: the graph of all, and each deployment.

A request with edges goes through three writes, and may be stopped after any of them:

1. `reserve`: its edges go into the graph under its key, unless they close a cycle with what is settled or reserved;
2. the deployment is saved, with the request in its inbox: this alone decides;
3. `settle`: the graph takes the edges from the deployment as stored, and the reservation goes.

What stopped is delivered again and goes on: a reservation has the request's key and is replaced, a saved deployment
knows its request and only 3 is left. A refusal after 1 releases the reservation; a refusal that never came back here
(a request grown too old) leaves one behind, which is found and released when it first stands in somebody's way. Edges
in the graph are thus never fewer than those that hold, and a cycle can't get in; nobody is refused for an edge that
doesn't hold, since before that every deployment on the way is looked at as stored.
"""

from dataclasses import dataclass, field

from chassis.bus.request_key import RequestKey
from chassis.clock import Clock
from chassis.errors import Outage
from services.deployer.domain.errors import DependencyCycle, DependencyUnknown
from services.deployer.domain.graph import Graph, Reservation
from services.deployer.ports import Deployments, Graphs, HasRefused


class DependencyUndecided(Outage):
    """It would close a cycle with edges of a request that is being decided right now: wait for that."""

    code = "dependency-undecided"


@dataclass(frozen=True, kw_only=True)
class Dependencies:
    """`patience_s`: how long an undecided reservation in the way is waited for; then it counts as if it held."""

    graphs: Graphs
    deployments: Deployments
    has_refused: HasRefused
    clock: Clock
    patience_s: float
    _waited_since: dict[str, float] = field(default_factory=dict[str, float], init=False)

    async def ensure_known(self, after: tuple[str, ...]) -> None:
        """Raises: DependencyUnknown."""
        for each in after:
            found = await self.deployments.load(each)
            if found is None or found.state == "retired":
                raise DependencyUnknown(f"there is no deployment {each} to come after")

    async def reserve(self, deployment_id: str, after: tuple[str, ...], request_key: RequestKey) -> None:
        """Raises: DependencyCycle, DependencyUndecided."""
        wanted = Reservation(request_key=request_key.text, deployment_id=deployment_id, after=after)

        async def decide(graph: Graph) -> Graph:
            graph, way = await self._cycle(graph, deployment_id, after)
            if way is None:
                return graph.release(*request_key.forms).reserve(wanted)
            self._ensure_decided(graph.reservations(way[1:-1]))
            raise DependencyCycle(f"it would wait for itself: {' after '.join(way)}")

        await self.graphs.change(decide)

    async def release(self, request_key: RequestKey) -> None:
        """The request is refused."""

        async def decide(graph: Graph) -> Graph:
            return graph.release(*request_key.forms)

        await self.graphs.change(decide)

    async def settle(self, deployment_id: str, request_key: RequestKey) -> None:
        """The request is granted, or was earlier."""

        async def decide(graph: Graph) -> Graph:
            return await self._as_stored(graph.release(*request_key.forms), deployment_id)

        await self.graphs.change(decide)

    async def _cycle(
        self, graph: Graph, deployment_id: str, after: tuple[str, ...]
    ) -> tuple[Graph, tuple[str, ...] | None]:
        """The graph, looked at again where there seems to be a cycle, and the cycle that is left."""
        seen: set[str] = set()
        while (way := graph.cycle(deployment_id, after)) is not None and not seen.issuperset(way[1:-1]):
            for each in way[1:-1]:
                graph = await self._looked_at(graph, each)
            seen.update(way[1:-1])
        return graph, way

    async def _looked_at(self, graph: Graph, deployment_id: str) -> Graph:
        # Requests before the deployment: what is granted in between keeps its reservation.
        for each in graph.reservations((deployment_id,)):
            key = RequestKey(each.request_key)
            if await self.deployments.has_handled(deployment_id, key) or await self.has_refused(key):
                graph = graph.release(each.request_key)
        return await self._as_stored(graph, deployment_id)

    async def _as_stored(self, graph: Graph, deployment_id: str) -> Graph:
        stored = await self.deployments.load(deployment_id)
        return graph.settle(deployment_id, () if stored is None else stored.waits_for)

    def _ensure_decided(self, reservations: tuple[Reservation, ...]) -> None:
        # By this process's own clock, from when it first looked: whoever reserved may have another time of day.
        now = self.clock.monotonic()
        for each in reservations:
            if now - self._waited_since.setdefault(each.request_key, now) < self.patience_s:
                raise DependencyUndecided(each.deployment_id)
            self._waited_since.pop(each.request_key)
