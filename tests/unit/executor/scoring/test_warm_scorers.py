"""Scorers that a worker keeps warm, and the memories that their rows are read into."""

import pytest

from services.executor.scoring import task
from services.executor.scoring.layout import Layout
from services.executor.scoring.progress import ProgressAddress
from services.executor.scoring.settings import ScoringSettings
from services.executor.scoring.task import TaskSpec, scorer_of
from tests.unit.executor.scoring.test_messages import job


class FakeScorer:
    closed = False

    def close(self) -> None:
        self.closed = True


@pytest.fixture(autouse=True)
def no_models(monkeypatch):
    monkeypatch.setattr(task, "open_scorer", lambda _: FakeScorer())
    task._warm.clear()
    yield
    task._warm.clear()


def warm(model: str):
    wanted = job()
    wanted = wanted.model_copy(update={"model": wanted.model.model_copy(update={"sha256": model})})
    spec = TaskSpec(wanted, Layout(None, None), ScoringSettings(), ProgressAddress("", 0, ""))
    return scorer_of(spec, lambda _: None)


def test_a_model_gets_its_scorer_and_its_memories_again():
    assert warm("a") == warm("a")


def test_no_model_ever_sees_memory_that_another_was_shown():
    (_, first), (_, second) = warm("a"), warm("b")
    shown = first.take(1)
    first.give_back(shown)
    assert shown not in [second.take(1) for _ in range(4)]
    (_, third) = warm("c")
    assert third not in (first, second)
    (_, again) = warm("a")
    assert again is not first


def test_the_least_recently_used_one_makes_room():
    (first, _), (second, _) = warm("a"), warm("b")
    warm("a")
    warm("c")
    assert (first.closed, second.closed) == (False, True)
