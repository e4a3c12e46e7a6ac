"""The dead letters are what was sent broken, byte for byte, and nothing else."""

from collections.abc import Iterator

from tests.chaos.checker.violation import Violation
from tests.chaos.history import History, Position, Record


def original(letter: Record) -> Position:
    """Where a dead letter was found."""
    said = letter.attributes
    return Position(
        said.get("dlq-original-topic", ""),
        int(said.get("dlq-original-partition", -1)),
        int(said.get("dlq-original-offset", -1)),
    )


def only_what_was_broken(history: History) -> Iterator[Violation]:
    """Nothing was given up that could have been done, and no token was kept."""
    there = {each.position: each for each in history.records}
    for letter in history.on(".dlq"):
        where = original(letter)
        if where not in history.broken:
            said = f"{letter.attributes.get('dlq-error-code')}: {letter.attributes.get('dlq-error-message')}"
            yield Violation("given up without need", str(where), said, (letter,))
        if where in there and letter.value != there[where].value:
            yield Violation("dead letter changed", str(where), "other bytes than were sent", (letter, there[where]))
        if "authorization" in {name.lower() for name, _ in letter.headers}:
            yield Violation("token kept", str(where), "a dead letter carries an authorization", (letter,))


def all_that_was_broken(history: History) -> Iterator[Violation]:
    """What was sent broken and acknowledged is kept."""
    kept = {original(letter) for letter in history.on(".dlq")}
    there = {each.position: each for each in history.records}
    for position in history.broken - kept:
        yield Violation("dead letter lost", str(position), "sent broken, and not kept", (there[position],))
