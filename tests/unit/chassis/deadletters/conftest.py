import pytest

from tests.unit.chassis.deadletters.letters import World


@pytest.fixture
def world() -> World:
    return World()
