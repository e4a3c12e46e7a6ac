"""A child that was killed while it loaded says nothing about its model."""

from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from chassis.sandbox.errors import ChildDied
from services.executor.scoring import child_scorer
from services.executor.scoring.child_scorer import ChildScorer
from services.executor.scoring.errors import ScoringError


@pytest.fixture
def scorer(monkeypatch):
    """A scorer that isn't started, whose children die while loading as often as told."""
    deaths = []

    class Child:
        process = SimpleNamespace(alive=True, close=lambda: None, hear=None)

        def __init__(self, *_):
            if deaths:
                raise ChildDied(deaths.pop())
            self.inspection = {}

        def count(self, _counting):
            return

    monkeypatch.setattr(child_scorer, "ScoringChild", Child)
    model = SimpleNamespace(format="sklearn", entrypoint=None, name="model demand version 1")
    job = SimpleNamespace(model=model, effective_params={})
    plan = SimpleNamespace(inputs=(), outputs=(), text=False)
    artifacts = SimpleNamespace(checked_out=lambda _: nullcontext("model.pkl"))
    task = SimpleNamespace(job=job, plan=plan, artifacts=artifacts, sandbox=None, hear=None)

    def made(*told):
        deaths.extend(told)
        return ChildScorer(task)

    return made


def test_a_child_that_was_killed_while_it_loaded_is_replaced(scorer):
    assert scorer("signal 9")._child is not None


def test_a_model_that_kills_its_child_while_loading_is_unreadable(scorer):
    with pytest.raises(ScoringError) as caught:
        scorer("signal 9", "signal 9")
    assert caught.value.code == "artifact-unreadable"
