"""Whoever produces says that all in-sync replicas must have it: clients' defaults differ, and change."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("chassis", "services", "schemas", "infra", "examples", "benchmarks", "tests")
PRODUCERS = {"AIOKafkaProducer", "Producer", "KafkaProducer"}


def producers() -> Iterator[tuple[str, ast.Call]]:
    for path in (each for folder in FOLDERS for each in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            name = getattr(node.func, "id", getattr(node.func, "attr", "")) if isinstance(node, ast.Call) else ""
            if name in PRODUCERS:
                yield f"{path.relative_to(ROOT)}:{node.lineno}", node


def test_every_producer_says_what_it_takes_to_be_acknowledged():
    found = dict(producers())
    # librdkafka's settings are a dictionary, aiokafka's are arguments.
    silent = [where for where, call in found.items() if "acks" not in ast.dump(call)]

    assert len(found) >= 10
    assert silent == []
