"""Proves of a whole history that nothing was lost and nothing done twice, or says what contradicts it."""

from collections.abc import Callable, Iterable
from typing import Final

from tests.chaos.checker import (
    answers,
    dead_letters,
    executions,
    leftovers,
    manifests,
    replicas,
    sequences,
    tables,
    versions,
)
from tests.chaos.checker.violation import Violation
from tests.chaos.history import History

__all__ = ["RULES", "Violation", "check"]

Rule = Callable[[History], Iterable[Violation]]

RULES: Final[tuple[Rule, ...]] = (
    answers.kept_by_the_bus,
    answers.answered_once,
    answers.answered_rightly,
    sequences.without_gaps_or_twins,
    sequences.repeats_say_the_same,
    versions.count_up,
    versions.are_stored,
    executions.end_once,
    executions.have_one_owner_an_attempt,
    executions.show_the_last_attempt_alone,
    executions.stored_as_told,
    manifests.are_complete_and_true,
    tables.hold_what_was_observed,
    tables.hold_each_execution_once,
    replicas.have_seen_everything,
    replicas.know_every_version,
    leftovers.outboxes_are_empty,
    leftovers.nothing_waits,
    leftovers.lag_is_zero,
    dead_letters.only_what_was_broken,
    dead_letters.all_that_was_broken,
)


def check(history: History) -> list[Violation]:
    """All violations, by rule; none means that the history is proven clean."""
    return [violation for rule in RULES for violation in rule(history)]
