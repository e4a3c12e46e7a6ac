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
from tests.chaos.faults import TOXIC, Kind
from tests.chaos.history import Sent
from tests.chaos.run import Outcome

RESULT: Final = CHECKOUT / "benchmarks" / "results" / "chaos.json"
_DOUBLED: Final = frozenset(
    {"answered twice", "two in one", "ended other than once", "attempt of two owners", "figures of a lost attempt"}
    | {"point doubled", "execution doubled", "goes on after its end"}
)
_LOST: Final = frozenset(
    {"lost by the bus", "not answered", "version lost", "artifact lost", "point lost", "dead letter lost"}
    | {"execution lost in the tables", "replica behind", "outbox not empty", "left lying", "lag"}
)


def table(outcome: Outcome) -> Table:
    """Requests by kind, faults by process, how fast it recovered, and the verdict."""
    terms = outcome.terms
    title = f"make chaos SEED={terms.seed} REQUESTS={terms.requests} MINUTES={terms.minutes:g} KILLS={terms.kills}"
    made = Table(title=title, caption=_verdict(outcome), caption_justify="left")
    made.add_column("request", no_wrap=True)
    for column in ("sent", "deliveries", "answered", "p50", "p99", "longest"):
        made.add_column(column, justify="right")
    for kind, sent in _by_kind(outcome.history.sent).items():
        made.add_row(kind, *_figures(sent))
    made.add_section()
    made.add_row("all", *_figures(outcome.history.sent), style="bold")
    if outcome.faults:
        made.add_section()
        made.add_row("process", "killed", "frozen", "ended", "crashed", "connections", "", style="bold")
    for process, counts in _by_process(outcome.faults).items():
        toxic = sum(counts[kind] for kind in TOXIC)
        counted = [*(counts[kind] for kind in (Kind.KILL, Kind.FREEZE, Kind.END, Kind.CRASH)), toxic]
        made.add_row(process, *(str(each or "") for each in counted), "")
    return made


def _verdict(outcome: Outcome) -> str:
    ends = Counter(str(each.data.get("status")) for each in outcome.history.facts("ExecutionFinished"))
    lines = ["executions: " + ", ".join(f"{number} {status}" for status, number in ends.most_common())]
    if outcome.faults:
        took = {name: "never" if took_s is None else f"{took_s:.1f} s" for name, took_s in outcome.recovery.items()}
        lines.append("after the last fault: " + ", ".join(f"{name} {each}" for name, each in took.items()))
    lost = sum(each.rule in _LOST for each in outcome.violations)
    doubled = sum(each.rule in _DOUBLED for each in outcome.violations)
    others = len(outcome.violations) - lost - doubled
    lines.append(f"lost: {lost}, doubled: {doubled}, other violations: {others}")
    return "\n".join(lines)


def write(outcome: Outcome, path: Path = RESULT) -> None:
    """Keep the figures."""
    waits = _waits(outcome.history.sent)
    found: dict[str, Any] = {
        "taken_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "seed": outcome.terms.seed,
        "minutes": outcome.terms.minutes,
        "took_s": round(outcome.took_s, 1),
        "requests": len(outcome.history.sent),
        "deliveries": sum(len(each.positions) for each in outcome.history.sent),
        "answered": len(waits),
        "wait_p50_s": round(float(np.percentile(waits, 50)), 3) if waits else None,
        "wait_p99_s": round(float(np.percentile(waits, 99)), 3) if waits else None,
        "faults": {process: dict(counts) for process, counts in _by_process(outcome.faults).items()},
        "recovery_s": {name: None if took is None else round(took, 1) for name, took in outcome.recovery.items()},
        "violations": [str(each) for each in outcome.violations],
    }
    path.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n")


def _by_kind(sent: Sequence[Sent]) -> dict[str, list[Sent]]:
    found: defaultdict[str, list[Sent]] = defaultdict(list)
    for each in sent:
        found[each.kind].append(each)
    return dict(sorted(found.items()))


def _by_process(faults: Sequence[Done]) -> dict[str, Counter[Kind]]:
    """What each process really suffered; a crash point is suffered by any instance of its service."""
    found: defaultdict[str, Counter[Kind]] = defaultdict(Counter)
    for each in faults:
        if each.pid is not None:
            found[each.fault.target.partition(".")[0]][each.fault.kind] += 1
    return dict(sorted(found.items()))


def _waits(sent: Sequence[Sent]) -> list[float]:
    return [each.answered_at - each.sent_at for each in sent if each.answered_at is not None]


def _figures(sent: Sequence[Sent]) -> list[str]:
    waits = _waits(sent)
    deliveries = sum(len(each.positions) for each in sent)
    cells = [f"{len(sent):,}", f"{deliveries:,}", f"{len(waits):,}" if waits else ""]
    return cells + [f"{float(np.percentile(waits, each)):.2f} s" if waits else "" for each in (50, 99, 100)]
