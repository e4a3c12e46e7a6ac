import json

from infra.embedded import stackfile

CONTENT = {
    "servers": {"kafka": {"pid": 1}},
    "services": {"registry": [{"url": "http://a", "pid": 2}, {"url": "http://b", "pid": None}]},
}


def _written(tmp_path):
    path = tmp_path / "stack.json"
    path.write_text(json.dumps(CONTENT))
    return path


def test_a_servers_pid_is_rewritten(tmp_path):
    path = _written(tmp_path)
    stackfile.record_pid(path, "kafka", 11)
    assert json.loads(path.read_text())["servers"]["kafka"] == {"pid": 11}
    assert path.stat().st_mode & 0o077 == 0


def test_an_instances_pid_is_rewritten_and_its_url_stays(tmp_path):
    path = _written(tmp_path)
    stackfile.record_pid(path, "registry-2", 12)
    assert json.loads(path.read_text())["services"]["registry"] == [
        {"url": "http://a", "pid": 2},
        {"url": "http://b", "pid": 12},
    ]


def test_a_program_that_the_file_does_not_speak_of_changes_nothing(tmp_path):
    path = _written(tmp_path)
    stackfile.record_pid(path, "keycloak", 13)
    assert json.loads(path.read_text()) == CONTENT


def test_a_file_that_is_gone_stays_gone(tmp_path):
    stackfile.record_pid(tmp_path / "stack.json", "kafka", 1)
    assert not (tmp_path / "stack.json").exists()


def test_an_instance_knows_its_service():
    for number in (1, 2, 10):
        assert stackfile.service_of(stackfile.program_name("registry", number)) == "registry"


def test_an_instance_goes_by_its_own_name_its_services_and_its_number():
    assert stackfile.names_of("registry") == {"registry", "registry-1"}
    assert stackfile.names_of("registry-2") == {"registry-2", "registry"}
    assert stackfile.names_of("kafka") == {"kafka", "kafka-1"}
