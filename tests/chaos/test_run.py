"""A short seeded run of what `make chaos` does for longer: everything killed, frozen, ended and crashed, under load."""

import logging

import pytest

from tests.chaos.run import Terms, run

pytestmark = [pytest.mark.long, pytest.mark.timeout(1500)]


def test_under_faults_everything_is_answered_once_and_nothing_is_left() -> None:
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)

    outcome = run(Terms(seed=7, requests=100, minutes=3, kills=1), say=print)

    assert [str(each) for each in outcome.violations] == []
    assert len(outcome.history.sent) >= 100
