"""What a native library says is for the log; our sentence is for everybody."""

import pytest

from chassis.sandbox.child.categories import UnseenCategory
from chassis.sandbox.child.failures import failure_of
from chassis.sandbox.child.native import PredictionFailed, UnreadableModel, told_as
from chassis.sandbox.child.scoring import ModelFailed

SAID = "[07:28] /workspace/src/json.cc:409: Expecting EOF, got `Anna, Lyon`\nStack trace:\n  [bt] (0) /usr/lib/x.so"


def test_a_file_that_a_library_can_not_read_is_unreadable_in_our_words_and_its_own_are_for_the_log():
    with pytest.raises(UnreadableModel) as caught, told_as(UnreadableModel("write it anew")):
        raise ValueError(SAID)

    failure = failure_of(caught.value, {"op": "load"})

    assert (failure.code, failure.message) == ("artifact-unreadable", "write it anew")
    assert "Anna" in failure.detail


@pytest.mark.parametrize("ours", [PredictionFailed("it gave up"), UnseenCategory("it gave up")])
def test_a_prediction_that_fails_says_so_in_our_words_with_its_row(ours):
    ours.__cause__ = ValueError(SAID)

    failure = failure_of(ModelFailed(ours, 7), {"op": "row_group"})

    assert (failure.code, failure.message, failure.row) == ("model-failed", "it gave up", 7)
    assert "Anna" in failure.detail


def test_memory_that_is_used_up_stays_that():
    with pytest.raises(MemoryError), told_as(PredictionFailed("it gave up")):
        raise MemoryError
