"""An attempt that has been claimed, for each test."""

import pytest

from tests.unit.executor.attempts import Bench


@pytest.fixture
def bench():
    return Bench()
