"""The document of all edges."""

from collections.abc import Awaitable, Callable
from typing import Final

from pydantic import TypeAdapter
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from chassis.documents.client import Collection, Document, translated
from chassis.errors import DocumentConflict
from services.deployer.domain.graph import Graph

_ID: Final = "after"
_GRAPH: Final = TypeAdapter(Graph)


class StoredGraph:
    """`{_id: "after", _rev, settled, reserved}`; `_rev` is compared and swapped."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection

    async def load(self) -> Graph:
        return _graph(await self._document())

    async def change(self, decide: Callable[[Graph], Awaitable[Graph]]) -> Graph:
        """Store what `decide` makes of the graph, if it makes a difference.

        Raises:
            DocumentConflict: others wrote it all the time.
        """
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(DocumentConflict),
            wait=wait_random_exponential(multiplier=0.01, max=0.5),
            stop=stop_after_attempt(10),
            reraise=True,
        )
        return await retrying(self._change, decide)

    async def _change(self, decide: Callable[[Graph], Awaitable[Graph]]) -> Graph:
        document = await self._document()
        before = _graph(document)
        after = await decide(before)
        if after != before:
            await self._replace(after, revision=document.get("_rev", 0))
        return after

    async def _replace(self, graph: Graph, *, revision: int) -> None:
        with translated():
            # An upsert with revision 0 meets either nothing or the unique _id of what somebody else has just made.
            result = await self._collection.replace_one(
                {"_id": _ID, "_rev": revision},
                {"_rev": revision + 1, **_GRAPH.dump_python(graph)},
                upsert=revision == 0,
            )
        if result.matched_count == 0 and result.upserted_id is None:
            raise DocumentConflict(_ID)

    async def _document(self) -> Document:
        with translated():
            return await self._collection.find_one({"_id": _ID}) or {}


def _graph(document: Document) -> Graph:
    return _GRAPH.validate_python({name: value for name, value in document.items() if not name.startswith("_")})
