"""What a run came to: one table for eyes, one file for machines."""

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
from rich.table import Table

from infra.embedded.layout import CHECKOUT
from tests.chaos.driver import Done
from tests.chaos.faults import Kind
from tests.chaos.history import Sent
from tests.chaos.run import Outcome

RESULT: Final = CHECKOUT / "benchmarks" / "results" / "chaos.json"
_LOST: Final = frozenset(
    {"lost by the bus", "not answered", "version lost", "artifact lost", "point lost", "dead letter lost"}
    | {"execution lost in the tables", "replica behind", "outbox not empty", "left lying", "lag"}
)


def table(outcome: Outcome) -> Table:
    """Requests by kind, faults by process, how fast it recovered, and the verdict."""
    terms = outcome.terms
    made = Table(title=f"make chaos SEED={terms.seed} REQUESTS={terms.requests} MINUTES={terms.minutes:g}")
    for column in ("what", "sent", "deliveries", "answered", "p50", "p99", "longest"):
        made.add_column(column, justify="left" if column == "what" else "right")
    for kind, sent in _by_kind(outcome.history.sent).items():
        made.add_row(kind, *_figures(sent))
    made.add_section()
    made.add_row("all", *_figures(outcome.history.sent), style="bold")
    made.add_section()
    made.add_row("process", *(kind.value for kind in Kind), "", "", style="italic")
    for target, counts in _by_target(outcome.faults).items():
        made.add_row(target, *(str(counts[kind] or "") for kind in Kind), "", "")
    made.add_section()
    for name, took_s in outcome.recovery.items():
        made.add_row(f"{name} after the last fault", "never" if took_s is None else f"{took_s:.1f} s")
    made.add_row("executions", _statuses(outcome))
    lost = sum(each.rule in _LOST for each in outcome.violations)
    made.add_row("violations", f"{len(outcome.violations)}", "", f"{lost} lost, {len(outcome.violations) - lost} other")
    return made


def write(outcome: Outcome, path: Path = RESULT) -> None:
    """Keep the figures."""
    waits = _waits(outcome.history.sent)
    found: dict[str, Any] = {
        "taken_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "seed": outcome.terms.seed,
        "minutes": outcome.terms.minutes,
        "took_s": round(outcome.took_s, 1),
        "requests": len(outcome.history.sent),
        "answered": len(waits),
        "wait_p50_s": round(float(np.percentile(waits, 50)), 3) if waits else None,
        "wait_p99_s": round(float(np.percentile(waits, 99)), 3) if waits else None,
        "faults": {target: dict(counts) for target, counts in _by_target(outcome.faults).items()},
        "recovery_s": {name: None if took is None else round(took, 1) for name, took in outcome.recovery.items()},
        "violations": [str(each) for each in outcome.violations],
    }
    path.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n")


def _by_kind(sent: Sequence[Sent]) -> dict[str, list[Sent]]:
    found: defaultdict[str, list[Sent]] = defaultdict(list)
    for each in sent:
        found[each.kind].append(each)
    return dict(sorted(found.items()))


def _by_target(faults: Sequence[Done]) -> dict[str, Counter[Kind]]:
    found: defaultdict[str, Counter[Kind]] = defaultdict(Counter)
    for each in faults:
        if each.pid is not None:
            found[each.fault.target][each.fault.kind] += 1
    return dict(sorted(found.items()))


def _waits(sent: Sequence[Sent]) -> list[float]:
    return [each.answered_at - each.sent_at for each in sent if each.answered_at is not None]


def _figures(sent: Sequence[Sent]) -> list[str]:
    waits = _waits(sent)
    deliveries = sum(len(each.positions) for each in sent)
    cells = [f"{len(sent):,}", f"{deliveries:,}", f"{len(waits):,}" if waits else ""]
    return cells + [f"{float(np.percentile(waits, each)):.2f} s" if waits else "" for each in (50, 99, 100)]


def _statuses(outcome: Outcome) -> str:
    ends = Counter(str(each.data.get("status")) for each in outcome.history.facts("ExecutionFinished"))
    return ", ".join(f"{number} {status}" for status, number in ends.most_common())
