from collections.abc import Iterator

import pytest
import structlog

from tests.unit.chassis.deadletters.letters import World


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture(autouse=True)
def logs_of_others() -> Iterator[None]:
    """The command quietens the logs of its process, which here is everybody's."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)
