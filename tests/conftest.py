"""What every tier uses."""

import signal
import uuid
from collections.abc import Callable

import pytest
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
