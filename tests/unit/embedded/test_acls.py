from infra.kafka.acls import Acl, desired_acls
from schemas.topics import PRINCIPALS, TOPICS


def test_only_the_declared_writers_of_a_topic_may_write_it():
    acls = desired_acls(TOPICS)
    for topic in TOPICS:
        writers = {a.principal for a in acls if a.operation == "WRITE" and a.name == topic.name}
        assert writers == topic.writers


def test_nobody_but_the_operator_may_do_everything():
    assert {a.principal for a in desired_acls(TOPICS) if a.operation == "ALL"} == {"operator"}


def test_groups_are_given_by_prefix_of_the_own_name_and_no_name_is_a_prefix_of_another():
    groups = {a for a in desired_acls(()) if a.resource == "GROUP" and a.operation == "READ"}
    assert groups == {
        Acl(principal=p, operation="READ", resource="GROUP", name=p, pattern="PREFIXED")
        for p in PRINCIPALS
        if p != "operator"
    }
    assert not any(a != b and a.startswith(b) for a in PRINCIPALS for b in PRINCIPALS)
