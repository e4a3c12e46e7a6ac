"""compose.yml describes the stack that `make up` runs."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from chassis.settings import KafkaSettings, MongoSettings, PostgresSettings, S3Settings
from infra.embedded.services import SERVICES
from schemas.topics import PRINCIPALS

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "compose.yml"
TOOL = "github.com/docker/compose/v5/cmd@v5.0.2"
SETTINGS = {
    f"{kind.model_config['env_prefix']}{name}".upper()
    for kind in (KafkaSettings, MongoSettings, S3Settings, PostgresSettings)
    for name in kind.model_fields
}


@pytest.fixture(scope="module")
def services() -> dict:
    return yaml.safe_load(COMPOSE.read_text())["services"]


@pytest.mark.parametrize("service", [each.name for each in SERVICES])
def test_every_service_is_there_as_the_principal_it_is(services, service):
    environment = services[service]["environment"]
    known = (*SETTINGS, "MLP_LOG_FORMAT", "MLP_SPARK_MASTER", "MLP_SPARK_DRIVER_HOST")

    assert environment["MLP_KAFKA_USERNAME"] == service
    assert set(environment) <= set(known)


def test_the_setup_gives_every_principal_a_password(services):
    environment = services["setup"]["environment"]

    assert {f"MLP_KAFKA_{name.upper()}_PASSWORD" for name in PRINCIPALS} <= set(environment)


def test_every_port_is_bound_to_this_machine(services):
    ports = [port for service in services.values() for port in service.get("ports", ())]

    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_no_image_floats(services):
    images = [service["image"] for service in services.values() if "image" in service]

    assert all(":" in image and not image.endswith(":latest") for image in images)


@pytest.mark.long
def test_docker_compose_understands_it():
    tool = ROOT / ".cache" / "compose" / "cmd"
    if not tool.exists():
        if shutil.which("go") is None:
            pytest.skip("neither Docker Compose nor Go to build it with")
        environment = {**os.environ, "GOBIN": str(tool.parent)}
        subprocess.run(["go", "install", TOOL], env=environment, check=True, timeout=280)

    result = subprocess.run([tool, "-f", COMPOSE, "config", "--quiet"], capture_output=True, text=True, check=False)

    assert (result.returncode, result.stderr) == (0, "")
