"""Where an operator's command looks for the platform."""

import json

import pytest

from chassis.stack_file import StackUnknown, kafka_of, mongo_of, s3_of


def test_a_command_signs_in_as_operator_where_the_stack_says(tmp_path):
    stack = {
        "kafka": {
            "bootstrap_servers": "127.0.0.1:1",
            "security_protocol": "SASL_PLAINTEXT",
            "sasl_mechanism": "SCRAM-SHA-512",
            "principals": {"operator": {"password": "s3cret"}},
        },
        "mongo": {"url": "mongodb://127.0.0.1:2"},
        "s3": {"endpoint": "http://127.0.0.1:3", "access_key": "key", "secret_key": "hidden"},
    }
    file = tmp_path / "stack.json"
    file.write_text(json.dumps(stack))

    kafka, mongo, s3 = kafka_of(file, {}), mongo_of(file, {}), s3_of(file, {})

    assert (kafka.username, kafka.password.get_secret_value()) == ("operator", "s3cret")
    assert mongo.url.get_secret_value() == "mongodb://127.0.0.1:2"
    assert (s3.endpoint, s3.secret_key.get_secret_value()) == ("http://127.0.0.1:3", "hidden")


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"kafka": {"security_protocol": "SASL_SSL"}}'])
def test_a_file_that_is_no_stack_is_said_to_be_none(tmp_path, content):
    file = tmp_path / "stack.json"
    file.write_text(content)

    with pytest.raises(StackUnknown, match="can't be read as a stack's file"):
        kafka_of(file, {})


def test_without_a_file_it_says_what_would_do(tmp_path):
    with pytest.raises(StackUnknown, match="or set MLP_MONGO_URL"):
        mongo_of(None, {"MLP_RUN_FOLDER": str(tmp_path)})


def test_the_object_store_is_found_in_the_stacks_file_and_in_the_settings(tmp_path, monkeypatch):
    file = tmp_path / "stack.json"
    file.write_text('{"s3": {"endpoint": "http://127.0.0.1:3", "access_key": "a", "secret_key": "b"}}')
    assert s3_of(file, {}).endpoint == "http://127.0.0.1:3"

    monkeypatch.setenv("MLP_S3_ENDPOINT", "http://127.0.0.1:4")
    assert s3_of(None).endpoint == "http://127.0.0.1:4"
