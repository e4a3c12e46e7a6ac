"""What every tier uses."""

import uuid
from collections.abc import Callable

import pytest


@pytest.fixture
def new_name() -> Callable[[], str]:
    """Makes ids that no other test uses."""
    return lambda: f"t-{uuid.uuid4().hex[:12]}"
