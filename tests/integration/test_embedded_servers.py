"""The servers of the test stack, as their clients see them."""

import asyncpg
from pymongo import AsyncMongoClient

from chassis.settings import MongoSettings, PostgresSettings
from infra.embedded.stack import Stack


def test_every_server_does_a_round_trip(stack: Stack, kafka, mongo, s3, postgres):
    for name in ("kafka", "mongo", "s3", "postgres"):
        stack.connection(name).probe()


async def test_documents_are_kept_under_majority_with_journal(mongo: MongoSettings):
    async with AsyncMongoClient(mongo.url.get_secret_value()) as client:
        assert client.write_concern.document == {"w": "majority", "j": True}


async def test_a_test_gets_a_database_of_its_own(empty_postgres: PostgresSettings):
    connection = await asyncpg.connect(empty_postgres.dsn.get_secret_value())
    await connection.execute("CREATE TABLE kept (x int)")
    await connection.close()
