"""Damaged and hostile files of each format: nothing is read, nothing is executed outside, and nobody's driver is lost.

A few of each belong to `make test`, a hundred to the long tests, and as many as `HOSTILE_FILES` says (2,000) to
`make test-full`.
"""

import json
import os
import statistics
import subprocess
import sys

import pytest

from chassis.sandbox.command import check_sandbox
from tests.hostile.run import FORMATS, SCORED, SETTINGS

MANY = int(os.environ.get("HOSTILE_FILES", "100"))
GOOD_ANSWER_S = 0.5


@pytest.fixture(scope="module", params=[10, pytest.param(MANY, marks=pytest.mark.long)])
def tried(request, tmp_path_factory):
    """How many of each format, and what the process that holds the secret reports of them: it is there at the end."""
    check_sandbox(SETTINGS)
    file = tmp_path_factory.mktemp("hostile") / "report"
    command = [sys.executable, "-m", "tests.hostile", "--files", str(request.param), "--report", str(file)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert file.exists(), ended.stderr[-2000:] + ended.stdout[-2000:]
    print(ended.stdout[-5000:], ended.stderr[-2000:])
    return request.param, {each["format"]: each for each in json.loads(file.read_text())}


@pytest.mark.timeout(4 * 3600)
@pytest.mark.parametrize("format_", FORMATS)
def test_files_of_strangers_do_no_harm(tried, format_):
    count, reports = tried
    report = reports[format_]

    assert (report["read"], report["executed"], report["lost"], report["unclear"]) == ([], [], [], [])
    assert report["files"] == count == sum(report["outcomes"].values())
    assert report["outcomes"].get(SCORED, 0) >= count // 20
    # A busy machine may hold one of them up.
    assert statistics.median(report["good_s"]) < GOOD_ANSWER_S
