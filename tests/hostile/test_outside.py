"""Every parser of docs/security.md fails on purpose outside of the sandbox, and nothing is missing."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hostile.outside import FUNCTIONS, ROWS
from tests.hostile.run import FORMATS

TABLE = Path("docs/security.md").read_text().partition("## What holds a child")[0]
OF_THE_TABLE = {
    "models": "models:",
    "recognition": "what a file looks like",
    "archives": "archives",
    "data": "parquet footers",
    "parts": "kept and rejected columns",
}
ELSEWHERE = ("a child's answers", "messages on the bus", "`spark-ml`")
"""Parsed outside on purpose, with tests of their own; and what is recognised only."""


def outside(*arguments: str) -> dict:
    command = [sys.executable, "-m", "tests.hostile.outside", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr[-3000:]
    return json.loads(ended.stdout)


@pytest.fixture(scope="module")
def seeds(tmp_path_factory):
    folder = tmp_path_factory.mktemp("seeds")
    targets = json.dumps({"secrets": [], "trace": str(folder / "trace"), "port": 1})
    subprocess.run([sys.executable, "-m", "tests.hostile.seeds", str(folder), targets], check=True, capture_output=True)
    return folder


def test_each_row_of_the_table_is_tried():
    rows = [line.strip("| ").partition(" | ")[0] for line in TABLE.splitlines() if line.startswith("| ")][1:]
    known = (*OF_THE_TABLE.values(), *ELSEWHERE)
    assert [row for row in rows if not row.startswith(known)] == []
    assert len(rows) == len(known)
    assert set(OF_THE_TABLE) == set(ROWS) >= set(FUNCTIONS)


def test_each_parser_fails_outside():
    for row, found in outside("--parsers").items():
        assert all(found.values()), (row, found)


@pytest.mark.parametrize("format_", FORMATS)
def test_whole_files_are_registered_and_scored_where_every_parser_fails_outside(seeds, format_):
    found = outside(str(seeds), format_)

    whole = [line for line in found[format_] if not re.match("hostile|outside|loader|categorical", line)]
    assert len(whole) >= 2
    assert [line for line in whole if not line.endswith(": scored, scored")] == []
    assert [found[each] for each in ("spark-ml", "jar", "r")] == [["scored"]] * 3
