"""What every tier uses."""

import logging
import signal
import uuid
from collections.abc import Callable, Iterator

import pytest
import structlog
from hypothesis import settings

# How long an example takes says how busy the machine is.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")


def pytest_sessionstart() -> None:
    # Told to end, a run takes its servers with it as on Ctrl-C; a shell that starts it in the background switches
    # Ctrl-C off for it and for all that it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))


@pytest.fixture
def new_name() -> Callable[[], str]:
    """Makes ids that no other test uses."""
    return lambda: f"t-{uuid.uuid4().hex[:12]}"


@pytest.fixture(autouse=True)
def logs_of_others() -> Iterator[None]:
    """Commands change the logs of their process, which here is everybody's, and write to what ends with their test."""
    before, level = structlog.get_config(), logging.getLogger("aiokafka").level
    yield
    structlog.configure(**before)
    logging.getLogger("aiokafka").setLevel(level)
