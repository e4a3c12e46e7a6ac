"""How often partitions have to be there, and what is said where that isn't so."""

import pytest

from infra.embedded import kafka
from infra.embedded.credentials import Credentials
from infra.kafka import provision as provisioning
from infra.kafka.replication import BROKERS_OWN, TooFewReplicas, complaint, replication_from

ADDRESS = {"MLP_KAFKA_BOOTSTRAP_SERVERS": "kafka.example:9093", "MLP_KAFKA_SECURITY_PROTOCOL": "PLAINTEXT"}
MANY = {"MLP_KAFKA_REPLICATION": "5"}
PRODUCTION = {"MLP_KAFKA_PRODUCTION": "1"}


@pytest.mark.parametrize(
    ("environ", "replication"),
    [({}, BROKERS_OWN), (PRODUCTION, 3), (MANY, 5), (MANY | PRODUCTION, 5), ({"MLP_KAFKA_REPLICATION": "1"}, 1)],
)
def test_what_is_said_counts_and_production_has_three(environ, replication):
    assert replication_from(environ) == replication


@pytest.mark.parametrize("few", ["1", "2", "-1"])
def test_fewer_than_three_are_no_production(few):
    with pytest.raises(TooFewReplicas, match="at least 3"):
        replication_from(PRODUCTION | {"MLP_KAFKA_REPLICATION": few})


def test_topics_that_a_lost_disk_takes_along_are_named_with_what_to_do():
    assert complaint({"a": 3, "b": 5}) is None
    said = complaint({"a": 3, "b": 1, "c": 2})
    for part in ("2 of 3 topics", "b: 1, c: 2", "MLP_KAFKA_REPLICATION=3", "kafka-reassign-partitions.sh"):
        assert part in said


@pytest.mark.parametrize(
    ("production", "code", "word"), [({}, 0, "WARNING"), (PRODUCTION, 1, "ERROR")], ids=["elsewhere", "production"]
)
def test_provisioning_warns_and_in_production_fails(monkeypatch, capsys, production, code, word):
    asked = {}

    def provision(cluster, **options):
        asked.update(options)
        return {"ml.model.events": 1}

    monkeypatch.setattr(provisioning, "provision", provision)
    for name, value in (ADDRESS | production).items():
        monkeypatch.setenv(name, value)

    assert provisioning.main() == code
    assert f"kafka: {word}: 1 of 1 topics" in capsys.readouterr().err
    assert asked["replication"] == (3 if production else BROKERS_OWN)


@pytest.mark.parametrize(("replicas", "warned"), [(1, True), (3, False)])
def test_a_kafka_of_ones_own_is_warned_of_and_the_embedded_one_is_not(monkeypatch, capsys, tmp_path, replicas, warned):
    monkeypatch.setattr(kafka, "provision", lambda *_, **__: {"ml.model.events": replicas})
    own = kafka.external(ADDRESS | MANY, Credentials(tmp_path / "secrets.json"))
    assert own.replication == 5

    own.provision()
    assert ("WARNING" in capsys.readouterr().err) is warned

    kafka.KafkaConnection(own.cluster, {}, 4, administered=True).provision()
    assert capsys.readouterr().err == ""
