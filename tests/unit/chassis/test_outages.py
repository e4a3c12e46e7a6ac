import pytest
from structlog.testing import capture_logs

from chassis.outages import Outages


@pytest.fixture
def said():
    with capture_logs() as lines:
        yield lines


@pytest.fixture
def outages(clock):
    return Outages(clock.monotonic)


def spoken(said):
    return [(each["event"], each["code"], each["waited_s"]) for each in said]


def test_a_thousand_tries_of_many_are_one_line_a_minute(outages, clock, said):
    for _ in range(1000):
        outages.goes_on("bus-unavailable", "gone")
        clock.pass_time(0.13)

    assert [each[2] for each in spoken(said)] == pytest.approx([0, 60, 120], abs=0.2)


def test_it_says_once_that_it_is_back_and_how_long_that_took(outages, clock, said):
    outages.goes_on("bus-unavailable", "gone")
    clock.pass_time(90)
    for _ in range(3):
        outages.is_over("bus-unavailable")

    assert spoken(said)[1:] == [("dependency_back", "bus-unavailable", 90)]


def test_one_that_comes_and_goes_is_spoken_of_once_a_minute(outages, clock, said):
    for _ in range(59):
        outages.goes_on("tables-unavailable", "gone")
        outages.is_over("tables-unavailable")
        clock.pass_time(1)

    assert [each[0] for each in spoken(said)] == ["waiting_for_dependency", "dependency_back"]


def test_two_that_are_away_are_told_apart(outages, said):
    outages.goes_on("tables-unavailable", "gone")
    outages.goes_on("bus-unavailable", "gone")

    assert [each[1] for each in spoken(said)] == ["tables-unavailable", "bus-unavailable"]
