"""What a set of running executions leaves room for."""

import pytest

from services.executor.domain.limits import Full, Limits
from services.executor.settings import Settings
from tests.unit.executor.requests import queued

PARIS = queued(deployment_id="paris", market="FR").resolved
LYON = queued(deployment_id="lyon", market="FR").resolved
BONN = queued(deployment_id="bonn", market="DE").resolved


@pytest.mark.parametrize(
    ("limits", "running", "full"),
    [
        (Limits(), [PARIS] * 9, Full()),
        (Limits(per_deployment=2), [PARIS, BONN], Full()),
        (Limits(per_deployment=2), [PARIS, LYON, PARIS], Full(deployments=frozenset({"paris"}))),
        (Limits(per_market={"FR": 2}), [PARIS, LYON, BONN, BONN], Full(markets=frozenset({"FR"}))),
        (Limits(per_market={"FR": 2, "*": 1}), [PARIS, BONN], Full(markets=frozenset({"DE"}))),
    ],
)
def test_what_has_reached_its_limit_is_full(limits, running, full):
    assert limits.full(running) == full


def test_limits_are_read_from_the_environment(monkeypatch):
    monkeypatch.setenv("MLP_EXECUTOR_DEPLOYMENT_LIMIT", "3")
    monkeypatch.setenv("MLP_EXECUTOR_MARKET_LIMITS", '{"DE": 4, "*": 2}')

    assert Settings().limits == Limits(per_deployment=3, per_market={"DE": 4, "*": 2})
