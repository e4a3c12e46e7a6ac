"""Instances of services whose time of day is wrong, beside those of a platform whose time is right."""

import os
import shutil
import subprocess
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import pytest

from infra.embedded.services import SERVICES, Service
from tests.chaos.platform import Platform
from tests.integration.process import ServiceProcess

_SOURCE: Final = Path(__file__).with_name("wrong_clock.c")
_COMPILE_S: Final = 60


def wrong_clock(folder: Path) -> Path:
    """The library that gives a process another time of day, compiled. Without a compiler the test is skipped."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("there is no C compiler to make a wrong clock with")
    made = folder / "wrong_clock.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", made, _SOURCE], timeout=_COMPILE_S, check=True)
    return made


@contextmanager
def one_of_each(
    platform: Platform, *, off_s: int, folder: Path, settings: Mapping[str, str]
) -> Generator[dict[str, ServiceProcess]]:
    """A ready instance of each service, by name, whose clock is `off_s` seconds ahead, or behind if negative."""
    wrong = {"LD_PRELOAD": str(wrong_clock(folder)), "WRONG_CLOCK_S": str(off_s), **settings}
    with ExitStack() as ending:
        started: dict[str, ServiceProcess] = {}
        for service in SERVICES:
            environment = {**_environment(platform, service), **wrong}
            started[service.name] = ServiceProcess(
                f"services.{service.name}", environment, folder / f"{service.name}.log"
            )
            ending.callback(started[service.name].stop)
        for process in started.values():
            process.await_ready()
        yield started


def _environment(platform: Platform, service: Service) -> dict[str, str]:
    """What `make up` would give it."""
    layout = platform.stack.layout
    folders = {"MLP_SCORING_CACHE_DIR": str(layout.artifacts), "MLP_SCORING_WORK_DIR": str(layout.drivers)}
    needed = (platform.stack.connection(need).settings(service.name) for need in service.needs)
    own = {name: value for name, value in os.environ.items() if not name.startswith("MLP_")}
    return {
        **own,
        **folders,
        "MLP_HTTP_HOST": "127.0.0.1",
        **{name: value for each in needed for name, value in each.items()},
    }
