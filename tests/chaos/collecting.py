"""Reads all topics, stores and buckets of a platform that has come to rest, past the services."""

import asyncio
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import asyncpg
import obstore
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from obstore.store import S3Store
from pymongo import MongoClient

from chassis.bus.unpacking import read_whatever_comes
from schemas.topics import TOPICS
from tests.chaos.history import Document, History, Position, Progress, Record, Sent, StoredObject

_BUCKETS: Final = {"models": "sha256/", "results": ""}
_DATABASES: Final = ("registry", "deployer", "executor", "metrics")
_TABLES: Final[Mapping[str, str]] = {
    "metrics": "source, event_id, point_no, value",
    "timeseries_data": "source, event_id, point_no, value",
    "rejected_points": "source, event_id, point_no, value",
    "executions": "execution_id::text, status",
}


async def collect(connections: Mapping[str, Any], sent: Sequence[Sent]) -> History:
    """The history of a platform, reached as `connections` (the content of `stack.json`) say."""
    client = kafka_client(connections, "operator")
    records, progress, rows, objects, documents = await asyncio.gather(
        read_topics(client),
        read_progress(client),
        _rows(connections["postgres"]["dsn"]),
        _objects(connections["s3"]),
        asyncio.to_thread(read_documents, connections["mongo"]["url"]),
    )
    return History(sent=sent, records=records, documents=documents, rows=rows, objects=objects, progress=progress)


def kafka_client(connections: Mapping[str, Any], principal: str) -> dict[str, Any]:
    """Keyword arguments of an aiokafka client that is `principal`."""
    kafka = connections["kafka"]
    return {
        "bootstrap_servers": kafka["bootstrap_servers"],
        "security_protocol": kafka["security_protocol"],
        "sasl_mechanism": kafka["sasl_mechanism"],
        "sasl_plain_username": principal,
        "sasl_plain_password": kafka["principals"][principal]["password"],
    }


async def read_topics(client: Mapping[str, Any], names: Iterable[str] = tuple(t.name for t in TOPICS)) -> list[Record]:
    """Every record of these topics, from their beginning to their present end."""
    read_whatever_comes()
    consumer = AIOKafkaConsumer(*names, **client, auto_offset_reset="earliest")
    await consumer.start()
    try:
        partitions = list(consumer.assignment())
        ends = await consumer.end_offsets(partitions)
        await consumer.seek_to_beginning(*partitions)
        records: list[Record] = []
        behind = set(partitions)
        while behind:
            for batch in (await consumer.getmany(*behind, timeout_ms=500)).values():
                records += [_record(each) for each in batch]
            behind = {each for each in behind if await consumer.position(each) < ends[each]}
        return records
    finally:
        await consumer.stop()


def _record(record: Any) -> Record:
    where = Position(record.topic, record.partition, record.offset)
    return Record(where, record.timestamp, record.key, record.value, tuple(record.headers))


async def read_progress(client: Mapping[str, Any]) -> list[Progress]:
    """How far every group is that has ever committed."""
    admin = AIOKafkaAdminClient(**client)
    consumer = AIOKafkaConsumer(**client)
    await admin.start()
    await consumer.start()
    try:
        found: list[Progress] = []
        for group, *_ in await admin.list_consumer_groups():
            committed = await admin.list_consumer_group_offsets(group)
            topics = {each.topic for each in committed}
            partitions = [TopicPartition(topic, number) for topic in topics for number in await _numbers(admin, topic)]
            ends = await consumer.end_offsets(partitions)
            done = {each: committed[each].offset if each in committed else 0 for each in partitions}
            found += [Progress(group, *each, committed=max(done[each], 0), end=ends[each]) for each in partitions]
        return found
    finally:
        await consumer.stop()
        await admin.close()


async def _numbers(admin: AIOKafkaAdminClient, topic: str) -> list[int]:
    (described,) = await admin.describe_topics([topic])
    return [each["partition"] for each in described["partitions"]]


def read_documents(url: str) -> dict[str, dict[str, list[Document]]]:
    """All documents of all services."""
    with MongoClient[Document](url) as client:
        return {
            database: {name: list(client[database][name].find()) for name in client[database].list_collection_names()}
            for database in _DATABASES
        }


async def _rows(dsn: str) -> dict[str, list[Document]]:
    connection = await asyncpg.connect(dsn)
    try:
        return {
            table: [dict(row) for row in await connection.fetch(f"SELECT {columns} FROM {table}")]  # noqa: S608 - ours
            for table, columns in _TABLES.items()
        }
    finally:
        await connection.close()


def bucket(s3: Mapping[str, str], name: str) -> S3Store:
    """One of the platform's buckets."""
    return S3Store(
        name,
        endpoint=s3["endpoint"],
        access_key_id=s3["access_key"],
        secret_access_key=s3["secret_key"],
        region="us-east-1",
        virtual_hosted_style_request=False,
        client_options={"allow_http": True, "timeout": "30s"},
    )


async def _objects(s3: Mapping[str, str]) -> dict[str, StoredObject]:
    found: dict[str, StoredObject] = {}
    for name, prefix in _BUCKETS.items():
        store = bucket(s3, name)
        async for listed in obstore.list(store, prefix=prefix):
            for each in listed:
                content = bytes(await (await obstore.get_async(store, each["path"])).bytes_async())
                kept = content if each["path"].endswith("manifest.json") else b""
                digest = hashlib.sha256(content).hexdigest()
                found[f"s3://{name}/{each['path']}"] = StoredObject(len(content), digest, kept)
    return found
