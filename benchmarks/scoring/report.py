"""Rates and their ratios, with what is to be reached."""

from collections.abc import Mapping
from typing import Final

from benchmarks.result import Row
from benchmarks.scoring.bare import Bare
from benchmarks.scoring.executor import Engine, Platform
from benchmarks.scoring.rounds import Times

UDF: Final = "spark_udf"
MAPPED: Final = "mapInPandas"

RATIOS: Final = (
    (Engine.name, Bare.name),
    (Platform.name, Bare.name),
    (Platform.name, UDF),
    (Platform.name, MAPPED),
)
TARGETS: Final[Mapping[tuple[str, str, str], float]] = {
    ("linear", Engine.name, Bare.name): 0.90,
    ("boosted", Engine.name, Bare.name): 0.95,
    ("linear", Platform.name, Bare.name): 0.75,
    ("boosted", Platform.name, Bare.name): 0.90,
    ("linear", Platform.name, UDF): 6.0,
    ("boosted", Platform.name, UDF): 1.7,
}
"""At five million rows and more, by kind of model, who, and whose rate it is held against."""


def rows_of(times: Times) -> list[Row]:
    """Each contender's rate, and the platform's ratios."""
    name = times.case.name
    figures = [
        Row(f"{name}: {who}", times.rate(who), "rows/s", times.rate(who) / times.rate(whose), _of(times, who, whose))
        for who, whose in RATIOS
    ]
    alone = [Row(f"{name}: {who}", times.rate(who), "rows/s") for who in (Bare.name, UDF, MAPPED)]
    return [*figures, *alone]


def memory_rows(peaks: Mapping[str, float]) -> list[Row]:
    """By case, from the smallest to the largest input of each model."""
    first: dict[str, tuple[str, float]] = {}
    rows: list[Row] = []
    for name, mib in peaks.items():
        kind = name.split()[-1]
        smallest, least = first.setdefault(kind, (name, mib))
        rows.append(Row(f"{name}: driver and all below it, peak", mib, "MiB", mib / least, smallest))
    return rows


def _of(times: Times, who: str, whose: str) -> str:
    target = TARGETS.get((times.case.model.kind, who, whose))
    return whose if target is None or times.case.data.rows < 5_000_000 else f"{whose} (to reach: {target:g})"
