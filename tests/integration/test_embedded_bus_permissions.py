"""What the broker refuses: a wrong password, and to each principal whatever isn't its own."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ConfigSource

from infra.embedded.errors import StackError
from infra.embedded.stack import Stack
from infra.kafka.cluster import Cluster
from infra.kafka.provision import provision
from schemas.topics import OPERATOR, PRINCIPALS, TOPICS

MORTALS = [principal for principal in PRINCIPALS if principal != OPERATOR]
EVERY_TOPIC = [topic.name for topic in TOPICS]


@pytest.fixture(scope="module")
def bus() -> Iterator[Stack]:
    """A bus of this module's own, since what may be written here would be a poison message to others."""
    with tempfile.TemporaryDirectory(prefix="mlp-bus-") as folder:
        stack = Stack(Path(folder) / "run")
        stack.up(servers=["kafka"], services=())
        yield stack
        stack.clean()


def _cluster(bus: Stack, principal: str, password: str | None = None) -> Cluster:
    section = bus.connections()["kafka"]
    return Cluster(
        bootstrap_servers=section["bootstrap_servers"],
        username=principal,
        password=password or section["principals"][principal]["password"],
    )


def _written(cluster: Cluster) -> set[str]:
    """The topics that let this principal write, out of all."""
    taken: set[str] = set()
    refused: set[str] = set()

    def on_delivery(error: KafkaError | None, record) -> None:
        if error is None:
            taken.add(record.topic())
        elif error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
            refused.add(record.topic())

    producer = Producer(cluster.client_config() | {"acks": "all", "enable.idempotence": True})
    for topic in EVERY_TOPIC:
        producer.produce(topic, value=b"{}", key=b"probe", on_delivery=on_delivery)
    assert producer.flush(30) == 0
    assert taken | refused == set(EVERY_TOPIC)
    return taken


def _read(cluster: Cluster) -> set[str]:
    """The topics that let this principal read, out of all."""
    consumer = Consumer(cluster.client_config() | {"group.id": cluster.username, "enable.partition.eof": True})
    # What one may neither read nor write isn't even shown.
    shown = consumer.list_topics(timeout=30).topics.keys() & set(EVERY_TOPIC)
    consumer.assign([TopicPartition(topic, 0, 0) for topic in shown])
    ended: set[str] = set()
    refused: set[str] = set()
    while ended | refused != shown:
        record = consumer.poll(30)
        assert record is not None, f"no answer on {shown - ended - refused}"
        error = record.error()
        if error is not None and error.code() == KafkaError._PARTITION_EOF:
            ended.add(record.topic())
        elif error is not None:
            assert error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED
            refused.add(record.topic())
    consumer.close()
    return ended


@pytest.mark.parametrize("principal", MORTALS)
def test_a_principal_writes_its_own_topics_and_no_other(bus: Stack, principal: str):
    assert _written(_cluster(bus, principal)) == {t.name for t in TOPICS if principal in t.writers}


@pytest.mark.parametrize("principal", MORTALS)
def test_a_principal_reads_what_is_meant_for_it_and_no_other(bus: Stack, principal: str):
    assert _read(_cluster(bus, principal)) == {t.name for t in TOPICS if principal in t.readers}


def test_the_registry_and_nobody_else_writes_the_registrys_facts(bus: Stack):
    writers = {p for p in MORTALS if "ml.model.events" in _written(_cluster(bus, p))}
    assert writers == {"registry"}


def test_the_operator_may_do_everything(bus: Stack):
    operator = _cluster(bus, OPERATOR)
    assert _written(operator) == set(EVERY_TOPIC)
    assert _read(operator) == set(EVERY_TOPIC)
    provision(operator, passwords={}, partitions=4)


@pytest.mark.parametrize("principal", MORTALS)
def test_a_principals_groups_begin_with_its_name(bus: Stack, principal: str):
    admin = AdminClient(_cluster(bus, principal).client_config())

    def offsets(group: str) -> None:
        request = [ConsumerGroupTopicPartitions(group)]
        admin.list_consumer_group_offsets(request)[group].result(30)

    offsets(principal)
    offsets(f"{principal}.projections")
    for other in set(PRINCIPALS) - {principal}:
        with pytest.raises(KafkaException) as refused:
            offsets(other)
        assert refused.value.args[0].code() == KafkaError.GROUP_AUTHORIZATION_FAILED


def test_nobody_but_the_operator_administers(bus: Stack):
    with pytest.raises(KafkaException, match="AUTHORIZATION_FAILED"):
        provision(_cluster(bus, "registry"), passwords={})


def test_a_wrong_password_is_refused(bus: Stack):
    errors: list[KafkaError] = []
    producer = Producer(_cluster(bus, "registry", "wrong").client_config() | {"acks": "all", "error_cb": errors.append})
    for _ in range(100):
        producer.poll(0.1)
        if errors:
            break
    assert errors[0].code() == KafkaError._AUTHENTICATION


def test_provisioning_again_changes_nothing_and_takes_away_what_is_no_longer_declared(bus: Stack):
    operator = _cluster(bus, OPERATOR)
    without_requests = [topic for topic in TOPICS if topic.name != "ml.model.requests"]
    provision(operator, passwords={}, topics=without_requests)
    assert "ml.model.requests" not in _written(_cluster(bus, "upstream"))
    provision(operator, passwords={})
    provision(operator, passwords={})
    assert "ml.model.requests" in _written(_cluster(bus, "upstream"))


def test_partitions_and_settings_are_those_of_the_table(bus: Stack):
    admin = AdminClient(_cluster(bus, OPERATOR).client_config())
    found = admin.list_topics(timeout=30).topics
    for topic in TOPICS:
        assert len(found[topic.name].partitions) == 4


def _own_settings(admin: AdminClient) -> dict[str, dict[str, str]]:
    """What each topic says itself, apart from any default."""
    asked = [ConfigResource("topic", topic) for topic in EVERY_TOPIC]
    entries = {resource.name: future.result(30) for resource, future in admin.describe_configs(asked).items()}
    own = ConfigSource.DYNAMIC_TOPIC_CONFIG
    return {
        topic: {name: entry.value for name, entry in found.items() if ConfigSource(entry.source) is own}
        for topic, found in entries.items()
    }


def test_every_topic_says_itself_what_it_takes_and_is_corrected_where_it_says_otherwise(bus: Stack):
    operator = _cluster(bus, OPERATOR)
    admin = AdminClient(operator.client_config())
    wanted = {topic.name: topic.settings(replicas=1) for topic in TOPICS}
    assert _own_settings(admin) == wanted

    drift = {"min.insync.replicas": "5", "unclean.leader.election.enable": "true", "max.message.bytes": "9"}
    entries = [ConfigEntry(n, v, incremental_operation=AlterConfigOpType.SET) for n, v in drift.items()]
    gone = [ConfigEntry("min.insync.replicas", "", incremental_operation=AlterConfigOpType.DELETE)]
    altered = [
        ConfigResource("topic", "ml.model.events", incremental_configs=entries),
        ConfigResource("topic", "ml.model.requests", incremental_configs=gone),
    ]
    for future in admin.incremental_alter_configs(altered).values():
        future.result(30)
    assert _own_settings(admin) != wanted

    assert set(provision(operator, passwords={}).values()) == {1}
    assert _own_settings(admin) == wanted


def test_a_kafka_of_ones_own_is_provisioned_as_its_administrator_and_not_started(bus: Stack, tmp_path: Path):
    section = bus.connections()["kafka"]
    passwords = {name: principal["password"] for name, principal in section["principals"].items()}
    theirs = {f"MLP_KAFKA_{name.upper()}_PASSWORD": password for name, password in passwords.items()}
    theirs |= {
        "MLP_KAFKA_BOOTSTRAP_SERVERS": section["bootstrap_servers"],
        "MLP_KAFKA_ADMIN_USERNAME": OPERATOR,
        "MLP_KAFKA_ADMIN_PASSWORD": passwords[OPERATOR],
    }
    stack = Stack(tmp_path / "run", environ=theirs)
    try:
        found = stack.up(servers=["kafka"], services=())
        assert found["kafka"] == section
        assert found["servers"] == {}
    finally:
        stack.clean()
    assert _written(_cluster(bus, "registry"))


def test_a_kafka_that_refuses_our_password_is_named_in_one_line(bus: Stack, tmp_path: Path):
    wrong = {
        "MLP_KAFKA_BOOTSTRAP_SERVERS": bus.connections()["kafka"]["bootstrap_servers"],
        "MLP_KAFKA_USERNAME": "registry",
        "MLP_KAFKA_PASSWORD": "wrong",
    }
    stack = Stack(tmp_path / "run", environ=wrong, patience_s=8)
    try:
        with pytest.raises(StackError, match=r"^kafka: not ready after 8 s: .*MLP_KAFKA_BOOTSTRAP_SERVERS"):
            stack.up(servers=["kafka"], services=())
    finally:
        stack.clean()
