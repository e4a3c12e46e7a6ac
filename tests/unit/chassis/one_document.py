"""A collection of one document, in memory."""

from copy import deepcopy
from types import SimpleNamespace


class OneDocument:
    """As much of a collection as leases need: compare-and-swap on dotted fields, `$set` and `$inc`."""

    def __init__(self) -> None:
        self.document: dict = {"_id": "job"}

    async def update_one(self, which: dict, update: dict) -> SimpleNamespace:
        matches = all(self._get(path) == value for path, value in which.items())
        if matches:
            for path, value in update.get("$set", {}).items():
                self._put(path, value)
            for path, value in update.get("$inc", {}).items():
                self._put(path, (self._get(path) or 0) + value)
        return SimpleNamespace(matched_count=int(matches))

    def _get(self, path: str) -> object:
        found: object = self.document
        for name in path.split("."):
            found = found.get(name) if isinstance(found, dict) else None
        return found

    def _put(self, path: str, value: object) -> None:
        *parents, last = path.split(".")
        where = self.document
        for name in parents:
            where = where[name]
        where[last] = deepcopy(value)
