"""As much of a collection as decisions, replicas and inboxes need: equality, `$in`, and the writes that rest on it."""

import asyncio
from collections import defaultdict
from copy import deepcopy
from functools import reduce
from types import SimpleNamespace

from pymongo.errors import BulkWriteError, DuplicateKeyError


def _is(found, wanted):
    if isinstance(wanted, dict) and "$in" in wanted:
        return found in wanted["$in"]
    if isinstance(wanted, dict) and "$exists" in wanted:
        return (found is not None) == wanted["$exists"]
    return wanted in found if isinstance(found, list) and not isinstance(wanted, list) else found == wanted


def _at(document, path):
    for part in path.split("."):
        document = document.get(part) if isinstance(document, dict) else None
    return document


class MemoryCollection:
    def __init__(self, name="memory") -> None:
        self.name = name
        self.documents = {}

    def _matching(self, which):
        return [each for each in self.documents.values() if all(_is(_at(each, k), v) for k, v in which.items())]

    async def find_one(self, which, projection=None):
        await asyncio.sleep(0)  # As on a real one, others get their turn.
        return deepcopy(next(iter(self._matching(which)), None))

    async def delete_one(self, which):
        await asyncio.sleep(0)
        for each in self._matching(which)[:1]:
            del self.documents[each["_id"]]

    def find(self, which, projection=None):
        return _Cursor(deepcopy(self._matching(which)))

    async def insert_one(self, document) -> None:
        await asyncio.sleep(0)
        if document["_id"] in self.documents:
            raise DuplicateKeyError(document["_id"])
        self.documents[document["_id"]] = deepcopy(document)

    async def insert_many(self, documents, *, ordered) -> None:
        assert not ordered
        twins = [each for each in documents if each["_id"] in self.documents]
        self.documents |= {each["_id"]: deepcopy(each) for each in documents if each not in twins}
        if twins:
            raise BulkWriteError({"writeErrors": [{"code": 11000} for _ in twins], "writeConcernErrors": []})

    async def bulk_write(self, writes):
        written = [await self.update_one(each._filter, each._doc) for each in writes]
        return SimpleNamespace(matched_count=sum(each.matched_count for each in written))

    async def replace_one(self, which, document):
        found = self._matching(which)
        for each in found[:1]:
            self.documents[each["_id"]] = {**deepcopy(document), "_id": each["_id"]}
        return SimpleNamespace(matched_count=len(found[:1]))

    async def update_one(self, which, update, *, upsert=False):
        await asyncio.sleep(0)
        found = self._matching(which)[:1]
        for each in found:
            _change(each, update)
        if found or not upsert:
            return SimpleNamespace(matched_count=len(found), upserted_id=None)
        if which["_id"] in self.documents:
            raise DuplicateKeyError(which["_id"])
        made = self.documents[which["_id"]] = {"_id": which["_id"], **deepcopy(update.get("$setOnInsert", {}))}
        _change(made, update)
        return SimpleNamespace(matched_count=0, upserted_id=which["_id"])


def _change(document, update) -> None:
    for path, value in update.get("$set", {}).items():
        *parents, name = path.split(".")
        reduce(lambda inner, part: inner[part], parents, document)[name] = deepcopy(value)
    for path, value in update.get("$inc", {}).items():
        *parents, name = path.split(".")
        inner = reduce(lambda inner, part: inner[part], parents, document)
        inner[name] = inner.get(name, 0) + value
    for name, value in update.get("$addToSet", {}).items():
        document[name] = [*(each for each in document.get(name, []) if each != value), value]
    for name, value in update.get("$max", {}).items():
        document[name] = max(document.get(name) or value, value)
    for name in update.get("$unset", {}):
        document.pop(name, None)
    for name, value in update.get("$push", {}).items():
        more = value["$each"] if isinstance(value, dict) else [value]
        document[name] = [*document.get(name, []), *deepcopy(more)]
    for name, gone in update.get("$pullAll", {}).items():
        document[name] = [each for each in document.get(name, []) if each not in gone]


class _Cursor:
    def __init__(self, documents) -> None:
        self._documents = documents

    def sort(self, field, _direction):
        self._documents.sort(key=lambda each: each[field])
        return self

    async def __aiter__(self):
        for each in await self.to_list():
            yield each

    async def to_list(self):
        await asyncio.sleep(0)
        return self._documents


def memory_database():
    return defaultdict(MemoryCollection)
