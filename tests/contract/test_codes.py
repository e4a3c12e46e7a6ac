"""docs/codes.md explains every code that anybody can be told."""

import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from chassis.sandbox.errors import CODES
from schemas.topics import SERVICES

ROOT = Path(__file__).parents[2]
OURS = ("chassis", "schemas", "services")
CODE = r'"([a-z][a-z-]*)"'
RAISED = re.compile(rf"(?:\b(?:ScoringError|Unreadable|_fail|_bury|_halve)\(\s*(?:\w+,\s*)?|\bcode\s*=\s*){CODE}")


def descendants(root: type) -> Iterator[type]:
    for each in root.__subclasses__():
        yield each
        yield from descendants(each)


def codes_of_classes() -> set[str]:
    """Of every error of ours that has a code of its own, with all services imported."""
    for service in SERVICES:
        if (ROOT / "services" / service / "app.py").exists():
            importlib.import_module(f"services.{service}.app")
    errors = (each for each in descendants(Exception) if each.__module__.split(".")[0] in OURS)
    return {code for each in errors if isinstance(code := vars(each).get("code"), str)}


def codes_in_text() -> set[str]:
    """Of errors that are given their code where they are raised."""
    sources = (path.read_text() for folder in OURS for path in (ROOT / folder).rglob("*.py"))
    return {code for source in sources for code in RAISED.findall(source)} | CODES


def explained() -> set[str]:
    rows = (line for line in (ROOT / "docs" / "codes.md").read_text().splitlines() if line.startswith("| `"))
    return {code for row in rows for code in re.findall(r"`([a-z][a-z-]*)`", row.split("|")[1])}


@pytest.mark.parametrize("found", [codes_of_classes, codes_in_text])
def test_every_code_is_explained(found):
    assert sorted(found() - explained()) == []


def test_nothing_is_explained_that_nobody_says():
    assert sorted(explained() - codes_of_classes() - codes_in_text()) == []


def test_codes_are_found_where_they_are_given():
    assert {
        "worker-lost",
        "input-changed",
        "bad-json",
        "timed-out",
        "handler-failed",
        "model-failed",
    } <= codes_in_text()
