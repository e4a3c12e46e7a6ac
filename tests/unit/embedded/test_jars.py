import hashlib

from infra.embedded.jars import digests, pinned_digests


def test_every_pinned_jar_has_a_sha256():
    pinned = pinned_digests("kafka")
    assert "kafka_2.13-4.4.0.jar" in pinned
    assert all(len(digest) == 64 for digest in pinned.values())


def test_a_changed_a_missing_and_a_foreign_jar_are_seen(tmp_path):
    (tmp_path / "a.jar").write_bytes(b"a")
    pinned = {"a.jar": hashlib.sha256(b"a").hexdigest()}
    assert digests(tmp_path) == pinned
    (tmp_path / "b.jar").write_bytes(b"b")
    assert digests(tmp_path) != pinned
    (tmp_path / "b.jar").unlink()
    (tmp_path / "a.jar").write_bytes(b"changed")
    assert digests(tmp_path) != pinned
    assert digests(tmp_path / "absent") == {}
