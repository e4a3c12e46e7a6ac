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

_INSTALL_S: Final = 180


def faketime() -> Path:
    """The library that gives a process another time of day; Debian's, installed where that is allowed.

    Without it the test that asks is skipped.
    """
    found = _library()
    if found is None and os.getuid() == 0 and shutil.which("apt-get"):
        command = ["apt-get", "install", "--yes", "--no-install-recommends", "libfaketime"]
        subprocess.run(command, capture_output=True, timeout=_INSTALL_S, check=False)
        found = _library()
    if found is None:
        pytest.skip("libfaketime is not installed")
    return found


def _library() -> Path | None:
    return next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)


@contextmanager
def one_of_each(
    platform: Platform, *, off_s: int, folder: Path, settings: Mapping[str, str]
) -> Generator[dict[str, ServiceProcess]]:
    """A ready instance of each service, by name, whose clock is `off_s` seconds ahead, or behind if negative."""
    wrong = {
        "LD_PRELOAD": str(faketime()),
        "FAKETIME": f"{off_s:+d}s",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        # Its mending of timed waits has a JVM wait for all the time that its clock is ahead.
        "FAKETIME_FORCE_MONOTONIC_FIX": "0",
        **settings,
    }
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
