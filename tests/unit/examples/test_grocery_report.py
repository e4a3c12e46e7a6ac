import io

import pandas as pd
import pytest
from rich.console import Console

from examples.grocery import report
from examples.grocery.bars import bars
from examples.grocery.bus import Bus
from examples.grocery.errors import RefusalError, StackDownError
from examples.grocery.events import Message
from examples.grocery.stack import Kafka, read_stack


@pytest.fixture
def console() -> Console:
    return Console(file=io.StringIO(), width=120, highlight=False)


def text_of(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def message(type_: str, subject: str, *, cause: Message | None = None, **data: object) -> Message:
    return Message(
        topic="ml.execution.events",
        type=type_,
        subject=subject,
        data=data,
        correlation_id="root",
        causation_id=cause.id if cause else None,
        id="root" if type_ == "DatasetRegistrationRequested" else f"id-of-{type_}",
    )


def test_the_last_line_counts_what_happened() -> None:
    line = report.Summary(rows=1273272, points=24, events=11, dead_letters=0).line()

    assert line == "demo: ok: 1273272 rows scored, 24 metric points, 11 events, 0 dead letters"


def test_with_dead_letters_the_last_line_is_not_ok() -> None:
    assert report.Summary(rows=1, points=1, events=1, dead_letters=2).line().startswith("demo: failed: ")


async def test_the_chain_shows_each_event_under_its_cause(console: Console) -> None:
    bus = Bus(Kafka("127.0.0.1:1", "SASL_PLAINTEXT", "SCRAM-SHA-512", {"upstream": "x"}))
    root = message("DatasetRegistrationRequested", "d")
    registered = message("DatasetRegistered", "d", cause=root)
    bus.sent = [root, message("ModelRegistrationRequested", "m", cause=registered)]
    bus.received = [registered]

    report.show_chain(console, bus, root)

    lines = [line.rstrip() for line in text_of(console).splitlines()]
    assert lines == [
        "DatasetRegistrationRequested d root",
        "└── DatasetRegistered id-of-DatasetRegistered",
        "    └── ModelRegistrationRequested m id-of-ModelRegistrationRequested",
    ]


def test_a_refusal_shows_every_violation(console: Console) -> None:
    report.show_refusal(
        console, RefusalError("X of y", code="schema-invalid", message="no", violations=[("a.0", "too small")])
    )

    assert "a.0" in text_of(console)
    assert "too small" in text_of(console)


def test_the_chart_has_a_line_for_each_forecast(console: Console) -> None:
    joined = pd.DataFrame({"week": [43, 44], "units": [1.0, 2.0], "boosted": [1.0, 1.5]})

    report.show_chart(console, joined, ["boosted"])

    assert all(label in text_of(console) for label in ("true sales", "boosted"))


def test_bars_follow_the_events_of_their_own_executions(console: Console) -> None:
    with bars(console, [("d", "boosted")], rows=100) as listener:
        listener(message("ExecutionQueued", "e", deployment_id="d"))
        listener(message("ExecutionQueued", "other", deployment_id="other"))
        listener(message("ExecutionStarted", "e", attempt=1))
        listener(message("ExecutionProgressed", "e", rows_done=40, splits_done=2, splits_total=5))
        listener(message("ExecutionFinished", "other", rows_out=7, status="failed"))
        listener(message("ExecutionFinished", "e", rows_out=100, status="succeeded"))

    assert "100/100" in text_of(console)
    assert "succeeded" in text_of(console)


def test_without_a_stack_the_user_is_told_to_start_it(tmp_path) -> None:
    with pytest.raises(StackDownError, match="`make up`"):
        read_stack(tmp_path / "stack.json")
