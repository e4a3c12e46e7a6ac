import pytest

from infra.embedded.credentials import Credentials
from infra.embedded.errors import StackError
from infra.embedded.layout import Layout
from infra.embedded.part import Context
from infra.embedded.ports import Ports
from infra.embedded.s3 import S3Connection
from infra.embedded.services import Service, instances

REGISTRY = Service("registry", ("s3",))


def _context(tmp_path, **environ: str) -> Context:
    layout = Layout(tmp_path, tmp_path, tmp_path)
    return Context(layout, environ, Ports(layout.ports_file, environ), Credentials(layout.secrets_file))


def test_as_many_instances_run_as_the_setting_says_each_on_a_port_of_its_own(tmp_path):
    context = _context(tmp_path, MLP_REGISTRY_INSTANCES="3")
    found = instances([REGISTRY], context, running=())
    assert [instance.name for instance in found] == ["registry", "registry-2", "registry-3"]
    assert len({instance.url for instance in found}) == 3
    assert instances([REGISTRY], context, running=("registry", "registry-2", "registry-3")) == found


@pytest.mark.parametrize("count", ["0", "-1", "two"])
def test_a_number_of_instances_that_is_none_is_refused(tmp_path, count):
    with pytest.raises(StackError, match="MLP_REGISTRY_INSTANCES"):
        instances([REGISTRY], _context(tmp_path, MLP_REGISTRY_INSTANCES=count), running=())


def test_a_service_gets_settings_but_only_the_credentials_that_it_needs(tmp_path):
    context = _context(
        tmp_path,
        MLP_LOG_LEVEL="DEBUG",
        MLP_KAFKA_MAX_POLL_INTERVAL_MS="90000",
        MLP_REGISTRY_WORKERS="3",
        MLP_REGISTRY_INSTANCES="1",
        MLP_EXECUTOR_SLOTS="2",
        MLP_SPARK_SECRET="secret",
        MLP_KAFKA_ADMIN_PASSWORD="secret",
        MLP_POSTGRES_DSN="secret",
        HOME="/",
    )
    (instance,) = instances([REGISTRY], context, running=())
    store = S3Connection("http://127.0.0.1:1", "key", "word")
    environment = instance.program(context, {"s3": store}).environment
    assert environment["MLP_LOG_LEVEL"] == "DEBUG"
    assert environment["MLP_KAFKA_MAX_POLL_INTERVAL_MS"] == "90000"
    assert environment["MLP_S3_SECRET_KEY"] == "word"
    assert environment["MLP_HTTP_PORT"] == str(instance.port)
    assert environment["MLP_REGISTRY_WORKERS"] == "3"
    assert environment.keys().isdisjoint({"MLP_REGISTRY_INSTANCES", "MLP_EXECUTOR_SLOTS", "HOME"})
    assert "secret" not in environment.values()


def test_the_executor_keeps_its_files_where_the_stack_keeps_its_own(tmp_path):
    context = _context(tmp_path)
    (instance,) = instances([Service("executor", ())], context, running=())
    environment = instance.program(context, {}).environment
    assert environment["MLP_SCORING_CACHE_DIR"] == str(context.layout.artifacts)
    assert environment["MLP_SCORING_WORK_DIR"] == str(context.layout.drivers)


def test_the_executors_folders_can_be_set(tmp_path):
    context = _context(tmp_path, MLP_SCORING_CACHE_DIR="/cache")
    (instance,) = instances([Service("executor", ())], context, running=())
    assert instance.program(context, {}).environment["MLP_SCORING_CACHE_DIR"] == "/cache"


def test_the_executor_gets_what_is_sparks(tmp_path):
    said = {"MLP_SPARK_SECRET": "secret", "MLP_SPARK_DRIVER_PORT": "7000", "MLP_SCORING_DRIVER_MAX_JOBS": "9"}
    (instance,) = instances([Service("executor", ())], _context(tmp_path, **said), running=())
    environment = instance.program(_context(tmp_path), {}).environment
    assert environment.keys().isdisjoint(said)
    environment = instance.program(_context(tmp_path, **said), {}).environment
    assert said.items() <= environment.items()
