"""As much of a collection as decisions and replicas need: equality, and the writes that rest on it."""

import asyncio
from collections import defaultdict
from copy import deepcopy
from functools import reduce
from types import SimpleNamespace

from pymongo.errors import DuplicateKeyError


def _at(document, path):
    for part in path.split("."):
        document = document.get(part) if isinstance(document, dict) else None
    return document


class MemoryCollection:
    def __init__(self) -> None:
        self.documents = {}

    def _matching(self, which):
        return [each for each in self.documents.values() if all(_at(each, k) == v for k, v in which.items())]

    async def find_one(self, which, projection=None):
        await asyncio.sleep(0)  # As on a real one, others get their turn.
        return deepcopy(next(iter(self._matching(which)), None))

    def find(self, which):
        return _Cursor(deepcopy(self._matching(which)))

    async def insert_one(self, document) -> None:
        if document["_id"] in self.documents:
            raise DuplicateKeyError(document["_id"])
        self.documents[document["_id"]] = deepcopy(document)

    async def replace_one(self, which, document):
        found = self._matching(which)
        for each in found[:1]:
            self.documents[each["_id"]] = {**deepcopy(document), "_id": each["_id"]}
        return SimpleNamespace(matched_count=len(found[:1]))

    async def update_one(self, which, update):
        found = self._matching(which)
        for path, value in update["$set"].items() if found else ():
            *parents, name = path.split(".")
            reduce(lambda inner, part: inner[part], parents, found[0])[name] = deepcopy(value)
        return SimpleNamespace(matched_count=len(found[:1]))


class _Cursor:
    def __init__(self, documents) -> None:
        self._documents = documents

    def sort(self, field, _direction):
        self._documents.sort(key=lambda each: each[field])
        return self

    async def to_list(self):
        await asyncio.sleep(0)
        return self._documents


def memory_database():
    return defaultdict(MemoryCollection)
