from prometheus_client import REGISTRY

from chassis.errors import BusUnavailable
from chassis.health import Health


async def _away() -> None:
    raise BusUnavailable("not there yet")


async def test_a_check_that_is_dropped_is_no_longer_shown_as_failing():
    health = Health(others={"made for this test": _away})
    await health.report()
    assert REGISTRY.get_sample_value("mlp_ready", {"check": "made for this test"}) == 0

    health.drop("made for this test")

    assert await health.report() == {}
    assert REGISTRY.get_sample_value("mlp_ready", {"check": "made for this test"}) is None


def test_a_check_that_was_never_looked_at_can_be_dropped():
    Health(others={"never looked at": _away}).drop("never looked at")
