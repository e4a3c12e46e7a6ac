"""Servers of one's own, as the settings name them."""

import pytest

from infra.embedded import kafka, mongo, postgres, s3
from infra.embedded.credentials import Credentials
from infra.embedded.errors import StackError
from schemas.topics import PRINCIPALS

ADDRESS = {"MLP_KAFKA_BOOTSTRAP_SERVERS": "kafka.example:9093", "MLP_KAFKA_SECURITY_PROTOCOL": "SASL_SSL"}


@pytest.fixture
def credentials(tmp_path):
    return Credentials(tmp_path / "secrets.json")


def test_nothing_is_external_unless_a_setting_says_so(credentials):
    assert kafka.external({}, credentials) is None
    assert mongo.external({}) is None
    assert s3.external({}) is None
    assert postgres.external({}) is None


def test_a_kafka_whose_administrator_is_given_is_provisioned_with_passwords_given_or_made(credentials):
    admin = {"MLP_KAFKA_ADMIN_USERNAME": "root", "MLP_KAFKA_ADMIN_PASSWORD": "r", "MLP_KAFKA_REGISTRY_PASSWORD": "g"}
    connection = kafka.external(ADDRESS | admin, credentials)
    assert connection.administered
    assert connection.partitions == 12
    assert connection.passwords.keys() == set(PRINCIPALS)
    assert connection.settings("registry") == ADDRESS | {
        "MLP_KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
        "MLP_KAFKA_USERNAME": "registry",
        "MLP_KAFKA_PASSWORD": "g",
    }
    assert connection.settings("deployer")["MLP_KAFKA_PASSWORD"] == credentials.get("kafka.deployer")


def test_a_kafka_whose_principals_are_given_is_left_as_it_is(credentials):
    connection = kafka.external(ADDRESS | {"MLP_KAFKA_REGISTRY_PASSWORD": "g"}, credentials)
    assert not connection.administered
    assert connection.cluster.username == "registry"
    assert connection.settings("registry")["MLP_KAFKA_PASSWORD"] == "g"


def test_a_kafka_with_one_name_for_all_gives_it_to_every_service(credentials):
    connection = kafka.external(ADDRESS | {"MLP_KAFKA_USERNAME": "all", "MLP_KAFKA_PASSWORD": "a"}, credentials)
    assert not connection.administered
    assert {connection.settings(p)["MLP_KAFKA_USERNAME"] for p in PRINCIPALS} == {"all"}


def test_a_kafka_without_credentials_is_refused_with_what_to_set(credentials):
    with pytest.raises(StackError, match="MLP_KAFKA_ADMIN_USERNAME"):
        kafka.external(ADDRESS, credentials)


def test_addresses_are_shown_without_passwords():
    assert mongo.external({"MLP_MONGO_URL": "mongodb://u:p@a:1,b:2/?w=majority"}).url == "mongodb://a:1,b:2"
    assert (
        postgres.external({"MLP_POSTGRES_DSN": "postgresql://u:p@db/platform"}).url == "postgresql://db:5432/platform"
    )
