"""CONTRACTS §2, written out a second time: a change of the declaration must be a change here."""

from datetime import timedelta

import pytest

from schemas.topics import PRINCIPALS, SERVICES, TOPICS

ANYONE = {"registry", "deployer", "executor", "metrics", "gateway", "airflow", "upstream"}
KB, MB = 1024, 1024 * 1024
WEEK, DAY, MONTH, FOR_EVER = timedelta(days=7), timedelta(days=1), timedelta(days=30), None

REQUESTS = {
    "ml.model.requests": ({"upstream", "gateway"}, {"registry"}),
    "ml.dataset.requests": ({"upstream", "gateway"}, {"registry"}),
    "ml.deployment.requests": ({"upstream", "gateway"}, {"deployer"}),
    "ml.execution.requests": ({"airflow", "deployer", "upstream", "gateway"}, {"executor"}),
    "ml.metric.observations": ({"upstream"}, {"metrics"}),
}
FACTS = {
    "ml.model.events": "registry",
    "ml.dataset.events": "registry",
    "ml.deployment.events": "deployer",
    "ml.execution.events": "executor",
    "ml.metric.events": "metrics",
    "ml.user.events": "gateway",
}
REFUSALS = {
    "ml.model.refusals": "registry",
    "ml.dataset.refusals": "registry",
    "ml.deployment.refusals": "deployer",
    "ml.execution.refusals": "executor",
    "ml.metric.refusals": "metrics",
}
EXPECTED = {
    **{name: (writers, readers, WEEK, 512 * KB) for name, (writers, readers) in REQUESTS.items()},
    **{name: ({writer}, ANYONE, FOR_EVER, MB) for name, writer in FACTS.items()},
    **{name: ({writer}, ANYONE, MONTH, MB) for name, writer in REFUSALS.items()},
    "ml.execution.progress": ({"executor"}, ANYONE, DAY, MB),
    "ml.execution.observations": ({"executor"}, {"metrics"}, WEEK, MB),
    **{
        f"ml.{service}.dlq": ({service}, set(), MONTH, 2 * MB)
        for service in ("registry", "deployer", "executor", "metrics", "gateway")
    },
}
BY_NAME = {topic.name: topic for topic in TOPICS}


def test_no_topic_is_missing_doubled_or_unknown():
    assert sorted(topic.name for topic in TOPICS) == sorted(EXPECTED)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_topic_is_declared_as_the_contract_says(name):
    topic = BY_NAME[name]

    assert (topic.writers, topic.readers, topic.retention, topic.max_message_bytes) == EXPECTED[name]


def test_the_broker_stamps_requests_and_observations_alone():
    stamped = {topic.name for topic in TOPICS if topic.log_append_time}

    assert stamped == {*REQUESTS, "ml.execution.observations"}


def test_every_topic_that_others_write_to_names_where_its_refusals_go():
    assert {topic.name: topic.refusals for topic in TOPICS if topic.refusals} == {
        "ml.model.requests": "ml.model.refusals",
        "ml.dataset.requests": "ml.dataset.refusals",
        "ml.deployment.requests": "ml.deployment.refusals",
        "ml.execution.requests": "ml.execution.refusals",
        "ml.metric.observations": "ml.metric.refusals",
    }


def test_the_settings_are_kafkas_own():
    assert BY_NAME["ml.model.requests"].settings() == {
        "cleanup.policy": "delete",
        "retention.ms": "604800000",
        "max.message.bytes": "524288",
        "message.timestamp.type": "LogAppendTime",
        "min.insync.replicas": "1",
        "unclean.leader.election.enable": "false",
    }
    assert BY_NAME["ml.model.events"].settings() == {
        "cleanup.policy": "delete",
        "retention.ms": "-1",
        "max.message.bytes": "1048576",
        "message.timestamp.type": "CreateTime",
        "min.insync.replicas": "1",
        "unclean.leader.election.enable": "false",
    }


@pytest.mark.parametrize(("replicas", "in_sync"), [(-1, "1"), (1, "1"), (2, "1"), (3, "2"), (5, "2")])
def test_two_brokers_have_what_is_acknowledged_where_three_can(replicas, in_sync):
    for topic in TOPICS:
        settings = topic.settings(replicas=replicas)
        assert (settings["min.insync.replicas"], settings["unclean.leader.election.enable"]) == (in_sync, "false")


def test_the_principals_are_the_services_and_their_neighbours():
    assert set(PRINCIPALS) == {*SERVICES, "airflow", "upstream", "operator"}
