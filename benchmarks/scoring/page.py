"""Writes `docs/scoring.md` and its plot from `page.md` and the last figures: `python -m benchmarks.scoring.page`."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from benchmarks.result import last
from benchmarks.scoring.bare import Bare
from benchmarks.scoring.bars import draw
from infra.embedded.layout import CHECKOUT

_DOCS: Final = CHECKOUT / "docs"
_TITLE: Final = "Rows a second, bare processes = 100 %"


def main() -> None:
    found = last("scoring")
    figures = _Figures(found["rows"])
    (_DOCS / "scoring.svg").write_text(draw(_TITLE, figures.shares()))
    template = Path(__file__).with_suffix(".md").read_text()
    text = template.format(
        title=_TITLE,
        day=f"{datetime.fromisoformat(found['taken_at']):%-d %B %Y}",
        cpus=found["cpus"],
        python=found["python"],
        **found["conditions"],
        rates=figures.rates(),
        ratios=figures.ratios(),
        small=figures.small(),
        memory=figures.memory(),
    )
    (_DOCS / "scoring.md").write_text(text)


class _Figures:
    """The benchmark's rows as tables."""

    def __init__(self, rows: Sequence[dict[str, Any]]) -> None:
        self._rows = rows
        self._scored = [(*row["name"].split(": ", 1), row) for row in rows if row["unit"] == "rows/s"]
        self._cases = list(dict.fromkeys(case for case, _, _ in self._scored))
        order = [Bare.name, *(who for _, who, _ in self._scored)]
        self._who = list(dict.fromkeys(order))
        self._rate = {(case, who): float(row["value"]) for case, who, row in self._scored}

    def shares(self) -> dict[str, dict[str, float]]:
        return {
            case: {who: self._rate[case, who] / self._rate[case, Bare.name] for who in self._who}
            for case in self._cases
        }

    def rates(self) -> str:
        lines = [[who, *(f"{self._rate[case, who]:,.0f}" for case in self._cases)] for who in self._who]
        return _table(["", *self._cases], lines, align="---:")

    def ratios(self) -> str:
        lines: list[list[str]] = []
        for case, who, row in self._scored:
            if row["ratio"] is not None:
                whose, _, target = row["of"].removesuffix(")").partition(" (to reach: ")
                lines.append([case, who, f"{row['ratio']:.2f} × {whose}", target])
        return _table(["", "", "Ratio", "To reach"], lines)

    def small(self) -> str:
        return self._plain(row for row in self._rows if row["unit"] not in {"rows/s", "MiB"})

    def memory(self) -> str:
        return self._plain(row for row in self._rows if row["unit"] == "MiB")

    def _plain(self, rows: Iterable[dict[str, Any]]) -> str:
        return _table(["", "", "Ratio"], [[row["name"], _value(row), _ratio(row)] for row in rows])


def _value(row: dict[str, Any]) -> str:
    return f"{row['value']:,.{1 if row['value'] < 100 else 0}f} {row['unit']}"


def _ratio(row: dict[str, Any]) -> str:
    return "" if row["ratio"] is None else f"{row['ratio']:.2f} × {row['of']}"


def _table(head: Sequence[str], lines: Iterable[Sequence[str]], *, align: str = "---") -> str:
    rows = [head, ["---", *[align] * (len(head) - 1)], *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


if __name__ == "__main__":
    main()
