"""Variables of processes that are started: what leads to the object store, and to the peers' packages and jars."""

import os
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from chassis.settings import S3Settings
from examples.grocery.errors import DemoError
from examples.grocery.stack import ObjectStorage
from infra.embedded.credentials import Credentials
from infra.embedded.errors import StackError
from infra.embedded.jars import jars_of
from infra.embedded.layout import CHECKOUT, Layout
from infra.embedded.part import Context
from infra.embedded.ports import Ports

S3A: Final = Path(__file__).with_name("peers") / "s3a.ivy.xml"
BIN: Final = CHECKOUT / ".venv-bench" / "bin"
_THREADS: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
ONE_THREAD: Final = dict.fromkeys(_THREADS, "1")
"""As the platform's own processes have it: cores are shared by processes, not by threads."""


def settings_of(storage: ObjectStorage) -> S3Settings:
    key, secret = SecretStr(storage.access_key), SecretStr(storage.secret_key)
    return S3Settings(endpoint=storage.endpoint, access_key=key, secret_key=secret)


def engine_environment(storage: ObjectStorage, scratch: Path) -> dict[str, str]:
    """The platform's own settings, in a folder of their own."""
    return {
        "MLP_S3_ENDPOINT": storage.endpoint,
        "MLP_S3_ACCESS_KEY": storage.access_key,
        "MLP_S3_SECRET_KEY": storage.secret_key,
        "MLP_SCORING_CACHE_DIR": str(scratch / "cache"),
        "MLP_SCORING_WORK_DIR": str(scratch / "work"),
    }


def peers_environment(storage: ObjectStorage, scratch: Path) -> dict[str, str]:
    """Raises: DemoError: something isn't installed."""
    python = BIN / "python"
    if not python.exists():
        raise DemoError("the peers' packages are not installed: `make bench` does it")
    return {
        **ONE_THREAD,
        "BENCH_JARS": str(_jars()),
        "BENCH_S3_ENDPOINT": storage.endpoint,
        "BENCH_SCRATCH": str(scratch),
        "AWS_ACCESS_KEY_ID": storage.access_key,
        "AWS_SECRET_ACCESS_KEY": storage.secret_key,
        "PYSPARK_PYTHON": str(python),
        "PYSPARK_DRIVER_PYTHON": str(python),
        "PYTHONPATH": str(CHECKOUT),
        "SPARK_LOCAL_IP": "127.0.0.1",
        # Else the caller's, which may be another Spark's.
        "SPARK_HOME": str(next((BIN.parent / "lib").glob("python3*/site-packages/pyspark"))),
    }


def _jars() -> Path:
    data, downloads = CHECKOUT / ".run", os.environ.get("MLP_DOWNLOADS", CHECKOUT / ".downloads")
    layout = Layout(CHECKOUT, data, Path(downloads).resolve())
    context = Context(
        layout, os.environ, Ports(layout.ports_file, os.environ), Credentials(layout.secrets_file), note=_note
    )
    try:
        return jars_of("s3a", context=context, size="690 MB", instead="leave this benchmark out", listed_in=S3A)
    except StackError as error:
        raise DemoError(str(error)) from error


def _note(part: str, words: str) -> None:
    print(f"{part}: {words}")
