"""Runbooks as their reader follows them: every `sh` block is run, and must print what the block behind it shows.

```sh                 ends well, within the time that a reader waits
```sh exits=1         ends with that code
```text               what the block before it prints: these lines in this order, `…` for whatever differs
"""

import os
import re
import subprocess
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.embedded.layout import CHECKOUT

_BLOCK: Final = re.compile(r"^```(sh(?: exits=(\d+))?|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PATIENCE_S: Final = 120


@dataclass(frozen=True)
class Step:
    """A block of commands, the code that it ends with, and what it prints, as far as the runbook says that."""

    commands: str
    code: int
    printed: str


def steps(runbook: Path) -> list[Step]:
    """What a runbook has its reader do."""
    found: list[Step] = []
    for kind, code, body in _BLOCK.findall(runbook.read_text()):
        if kind == "text":
            found[-1] = Step(found[-1].commands, found[-1].code, body)
        else:
            found.append(Step(body, int(code or 0), ""))
    return found


@contextmanager
def checkout(data: Path) -> Generator[Path]:
    """A folder like this checkout, but that its `.run` is `data`."""
    with tempfile.TemporaryDirectory(prefix="mlp-runbook-") as name:
        folder = Path(name)
        for each in CHECKOUT.iterdir():
            if each.name != ".run":
                (folder / each.name).symlink_to(each)
        (folder / ".run").symlink_to(data)
        yield folder


def follow_all(runbook: Path, folder: Path, replacing: Mapping[str, str]) -> None:
    """Do all that a runbook says, as `follow`."""
    for step in steps(runbook):
        follow(step, folder, replacing)


def follow(step: Step, folder: Path, replacing: Mapping[str, str]) -> str:
    """Do a step in `folder`, with the names of the day instead of the runbook's; what it printed.

    Raises:
        AssertionError: it didn't end or print as the runbook says.
    """
    done = subprocess.run(
        ["bash", "-euc", _replaced(step.commands, replacing)],
        cwd=folder,
        env={**os.environ, "MLP_RUN_FOLDER": str(folder / ".run")},
        capture_output=True,
        text=True,
        timeout=_PATIENCE_S,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == step.code, f"{step.commands}ended with {done.returncode}:\n{said}"
    assert _pattern(_replaced(step.printed, replacing)).search(_even(said)), f"{step.commands}printed:\n{said}"
    return said


def _replaced(text: str, replacing: Mapping[str, str]) -> str:
    return re.sub("|".join(map(re.escape, replacing)), lambda found: replacing[found[0]], text) if replacing else text


def _pattern(printed: str) -> re.Pattern[str]:
    pieces = (re.escape(each.strip()) for line in _lines(printed) for each in line.split("…"))
    return re.compile(".*".join(pieces), re.DOTALL)


def _lines(text: str) -> list[str]:
    return [line for line in _even(text).split("\n") if line]


def _even(text: str) -> str:
    """Columns are as wide as what stands in them that day."""
    return "\n".join(" ".join(line.split()) for line in text.splitlines())
