import socket

import pytest

from infra.embedded.errors import StackError
from infra.embedded.ports import HOST, Ports, is_free, variable_of


def test_a_port_once_chosen_is_kept(tmp_path):
    file = tmp_path / "ports.json"
    assert Ports(file, {}).get("kafka") == Ports(file, {}).get("kafka")


def test_no_two_names_get_the_same_port(tmp_path):
    ports = Ports(tmp_path / "ports.json", {})
    assert len({ports.get(f"part-{number}") for number in range(50)}) == 50


def test_ports_are_not_of_the_range_that_clients_get(tmp_path):
    assert 15000 <= Ports(tmp_path / "ports.json", {}).get("kafka") < 32000


def test_a_variable_fixes_a_port(tmp_path):
    assert variable_of("s3-master-grpc") == "MLP_S3_MASTER_GRPC_PORT"
    assert Ports(tmp_path / "ports.json", {"MLP_MONGO_PORT": "27017"}).get("mongo") == 27017


@pytest.mark.parametrize("text", ["", "0", "65536", "-1", "http"])
def test_what_is_no_port_is_refused_by_the_name_of_its_variable(tmp_path, text):
    if not text:
        assert Ports(tmp_path / "ports.json", {"MLP_MONGO_PORT": text}).get("mongo")
        return
    with pytest.raises(StackError, match="MLP_MONGO_PORT"):
        Ports(tmp_path / "ports.json", {"MLP_MONGO_PORT": text}).get("mongo")


def test_a_taken_port_is_exchanged_unless_it_is_fixed(tmp_path):
    ports = Ports(tmp_path / "ports.json", {})
    port = ports.get("mongo")
    with socket.socket() as thief:
        thief.bind((HOST, port))
        thief.listen()
        assert not is_free(port)
        ports.make_free("mongo")
        assert ports.get("mongo") != port
        with pytest.raises(StackError, match="free it or change MLP_MONGO_PORT"):
            Ports(tmp_path / "other.json", {"MLP_MONGO_PORT": str(port)}).make_free("mongo")
