"""Years of use, written straight into topics and stores while the services are stopped."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from chassis.bus.connection import client_options
from chassis.bus.request_key import RequestKey
from chassis.documents.client import Client, Collection, Document
from schemas.models import ModelRegistered
from services.deployer import known
from services.executor import replicas
from tests.integration.growth.platform import SIGNATURE
from tests.integration.kafka import KafkaServer
from tests.integration.outsider import attributes
from tests.unit.executor.requests import registered

_FACTS: Final = "ml.model.events"
_AT_ONCE: Final = 400


async def versions(client: Client, kafka: KafkaServer, *, model_id: str, like: str, count: int) -> None:
    """`count` versions of a model that is else like another, published and known to all."""
    fact = registered(model_id=model_id, signature=SIGNATURE)
    text = fact.to_json().decode()
    texts = (text.replace('"version":1,', f'"version":{number},') for number in range(1, count + 1))
    ends = await _published(kafka, model_id, texts)
    own = client["registry"]
    await _insert(own["model_versions"], (_version(fact, text, number) for number in range(1, count + 1)))
    changed = {"_id": model_id, "model_id": model_id, "versions": count, "_rev": count, "_sequence": count}
    await _copy(own["models"], like, changed)
    for name, folds in (("deployer", known), ("executor", replicas)):
        part = folds.VERSIONS.fold({}, fact)
        database = client[name]
        await _insert(database["known_model_versions"], (_part(part, model_id, n) for n in range(1, count + 1)))
        head = {"_id": model_id, "_sequence": count, "_write": "seeded", **folds.fold_model({}, fact)}
        await database["known_models"].insert_one(head)
        await _followed(kafka, database["replica_positions"], name, ends)


async def handled(client: Client, *, model_id: str, like: str, request_ids: Sequence[str]) -> None:
    """A model that is else like another and has handled all these requests."""
    keys = [RequestKey.of(client="anonymous", source="/upstream/test", request_id=each).text for each in request_ids]
    now = datetime.now(UTC)
    older = ({"_id": f"models/{model_id}/{key}", "left_at": now} for key in keys[:-64])
    await _insert(client["registry"]["handled"], older, at_once=5000)
    changed = {"_id": model_id, "model_id": model_id, "_rev": len(keys), "_inbox": keys[-64:]}
    await _copy(client["registry"]["models"], like, changed)


async def waiting(registrations: Collection, *, model_id: str, document: Document, count: int) -> None:
    """`count` registrations about one model, the first of them in somebody's hands."""
    about = f"model/{model_id}"
    event = json.dumps({**json.loads(document["event"]), "model_id": model_id})
    many = ({**document, "_id": f"w{n}", "about": about, "offset": n, "event": event} for n in range(count))
    await _insert(registrations, many, at_once=1000)
    lease = {"owner": "somebody slow", "beat": 0, "fence": 1, "returned": 0}
    await registrations.update_one({"_id": "w0"}, {"$set": {"lease": lease}})


async def _published(kafka: KafkaServer, key: str, texts: Iterable[str]) -> dict[TopicPartition, int]:
    """Where the topic ends after all of these."""
    producer = AIOKafkaProducer(
        **client_options(kafka.settings("registry")), acks="all", compression_type="lz4", linger_ms=50,
        max_batch_size=512 * 1024,
    )  # fmt: skip
    await producer.start()
    try:
        for number, text in enumerate(texts, start=1):
            said = {"source": "/services/registry", "sequence": str(number)}
            headers = [(n, v.encode()) for n, v in attributes("ml.ModelRegistered.v1", key, **said).items()]
            await producer.send(_FACTS, text.encode(), key=key.encode(), headers=headers)
        await producer.flush()
    finally:
        await producer.stop()
    consumer = AIOKafkaConsumer(**client_options(kafka.settings("operator")))
    await consumer.start()
    try:
        partitions = [
            TopicPartition(_FACTS, each) for each in consumer.partitions_for_topic(_FACTS) or await _known(consumer)
        ]
        return await consumer.end_offsets(partitions)
    finally:
        await consumer.stop()


async def _known(consumer: AIOKafkaConsumer) -> set[int]:
    await consumer._client.add_topic(_FACTS)
    return consumer.partitions_for_topic(_FACTS) or set()


async def _followed(kafka: KafkaServer, positions: Collection, service: str, ends: dict[TopicPartition, int]) -> None:
    """Make a stopped service's replica one that has seen all of it."""
    for partition, offset in ends.items():
        which = {"_id": f"{_FACTS}/{partition.partition}"}
        await positions.update_one(which, {"$set": {"offset": offset}}, upsert=True)
    group = f"{service}.known_models"
    consumer = AIOKafkaConsumer(**client_options(kafka.settings(service)), group_id=group, enable_auto_commit=False)
    await consumer.start()
    try:
        consumer.assign(list(ends))
        await consumer.commit(ends)
    finally:
        await consumer.stop()


def _version(fact: ModelRegistered, text: str, number: int) -> Document:
    return {
        "_id": f"{fact.model_id}/{number}",
        "model_id": fact.model_id,
        "version": number,
        "state": "active",
        "fingerprint": hashlib.sha256(str(number).encode()).hexdigest(),
        "format": fact.format,
        "artifact": fact.artifact.model_dump(),
        "registered_by": fact.registered_by,
        "registered_at": fact.registered_at,
        "event_id": f"e{number}",
        "event": text.replace('"version":1,', f'"version":{number},'),
    }


def _part(fields: dict[str, Any], model_id: str, number: int) -> Document:
    made = {"_id": f"{model_id}/{number}", **fields, "_sequence": number, "_write": "seeded"}
    if "number" in made:
        made["number"] = number
    if "registered" in made:
        made["registered"] = made["registered"].replace('"version":1,', f'"version":{number},')
    return made


async def _copy(collection: Collection, document_id: str, changed: Document) -> None:
    found = await collection.find_one({"_id": document_id})
    assert found is not None
    await collection.insert_one({**found, **changed, "aliases": [], "_outbox": []})


async def _insert(collection: Collection, documents: Iterator[Document], *, at_once: int = _AT_ONCE) -> None:
    while some := list(islice(documents, at_once)):
        await collection.insert_many(some, ordered=False)
