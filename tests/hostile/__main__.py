"""`python -m tests.hostile [FORMAT …] [--files 100] [--seed 1] [--report FILE]`: the table of what came of them."""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from tests.hostile.canaries import Canary
from tests.hostile.run import FORMATS, SECRET, Outside, Report, run

_PARSERS = frozenset({"numpy", "pyarrow", "pandas", "sklearn", "joblib", "mlflow", "xgboost", "lightgbm", "onnx"})


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    parser.add_argument("formats", nargs="*", choices=[*FORMATS, []], help="all, unless some are named")
    parser.add_argument("--files", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--report", type=Path, help="where the figures go as JSON")
    parser.add_argument("--seeds", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    canary = Canary.new(random.Random(asked.seed))
    os.environ[SECRET] = canary.text
    reports = list[Report]()
    with tempfile.TemporaryDirectory(prefix="hostile-") as name:
        work = Path(name)
        work.chmod(0o755)
        outside = Outside(work / "outside", canary)
        try:
            _make_seeds(work / "seeds", outside)
            for one in asked.formats or FORMATS:
                reports.append(run(work / "seeds", work, outside, one, count=asked.files, seed=asked.seed))
                print(_row(reports[-1]), flush=True)
        finally:
            outside.close()
    if asked.report:
        asked.report.write_text(json.dumps([json.loads(each.to_json()) for each in reports]))
    _tell(reports)
    sys.exit(any(each.read or each.executed or each.lost or each.unclear for each in reports))


def _make_seeds(folder: Path, outside: Outside) -> None:
    """By a process without the secret, whose libraries stay its own."""
    environment = {key: value for key, value in os.environ.items() if key != SECRET}
    command = [sys.executable, "-m", "tests.hostile.seeds", str(folder), json.dumps(outside.targets)]
    subprocess.run(command, check=True, env=environment, capture_output=True)


def _row(report: Report) -> str:
    good = report.good_s or [float("inf")]
    told = ", ".join(f"{how} {count}" for how, count in report.outcomes.most_common())
    sums = f"read {len(report.read)}, executed {len(report.executed)}, drivers lost {len(report.lost)}"
    return (
        f"{report.format:9} {report.files:5} files: {told}; {sums}; unclear {len(report.unclear)};"
        f" slowest file {report.slowest_s:.1f} s, good answer {median(good):.3f} s, at most {max(good):.3f} s;"
        f" {report.seconds:.0f} s, {report.nurseries} nurseries"
    )


def _tell(reports: Sequence[Report]) -> None:
    for report in reports:
        for kind in ("read", "executed", "lost", "unclear", "late", "crashed"):
            for line in getattr(report, kind)[:40]:
                print(f"{report.format} {kind}: {line[:400]}")
    loaded = sorted(_PARSERS & set(sys.modules))
    if loaded:
        sys.exit(f"the process that holds the secret has loaded {', '.join(loaded)}")


if __name__ == "__main__":
    main()
