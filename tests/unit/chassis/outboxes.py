"""A collection of documents with outboxes, in memory."""


class Written:
    def __init__(self, matched_count: int) -> None:
        self.matched_count, self.upserted_id = matched_count, None


class Found:
    def __init__(self, documents) -> None:
        self._documents = documents

    def limit(self, _):
        return self

    def sort(self, _):
        return self

    def skip(self, number):
        self._documents = self._documents[number:]
        return self

    async def to_list(self):
        return self._documents


class Outboxes:
    """As much of a collection as aggregates and the relay need: it keeps documents, and counts who reads outboxes."""

    name = "models"

    def __init__(self) -> None:
        self.documents = {}
        self.outboxes_read = 0

    def find(self, which, _):
        if "_outbox_since" in which:
            return Found([each for each in self.documents.values() if "_outbox_since" in each])
        self.outboxes_read += 1
        return Found([self.documents[each] for each in which["_id"]["$in"] if each in self.documents])

    async def find_one(self, which):
        found = self.documents.get(which["_id"])
        return found and {**found, "_outbox": list(found["_outbox"])}

    async def update_one(self, which, update, *, upsert):
        kept = self.documents.get(which["_id"], {"_id": which["_id"], "_rev": 0, "_outbox": []})
        if kept["_rev"] != which["_rev"]:
            return Written(0)
        pushed = update.get("$push", {}).get("_outbox", {"$each": []})["$each"]
        self.documents[which["_id"]] = {**kept, **update["$set"], "_outbox": [*kept["_outbox"], *pushed]}
        return Written(1)

    async def bulk_write(self, writes):
        return Written(sum(self._take_off(each._filter, each._doc) for each in writes))

    def outbox(self, document_id):
        return [entry["id"] for entry in self.documents[document_id]["_outbox"]]

    def _take_off(self, which, change) -> bool:
        kept = self.documents[which["_id"]]
        there = [entry["id"] for entry in kept["_outbox"]]
        if "$pull" in change:
            sent = change["$pull"]["_outbox"]["id"]["$in"]
            kept["_outbox"] = [entry for entry in kept["_outbox"] if entry["id"] not in sent]
            return bool(set(there) & set(sent))
        ends = [value for name, value in which.items() if name.endswith(".id")]
        size = which["_outbox"]["$size"] if which["_outbox"] else 0
        unchanged = len(there) == size and (not there or [there[0], there[-1]] == ends * (3 - len(ends)))
        if unchanged:
            kept["_outbox"] = []
            kept.pop("_outbox_since", None)
        return unchanged
