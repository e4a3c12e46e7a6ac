"""The golden examples, as test parameters."""

import json
from pathlib import Path

from schemas.generate import GOLDEN, ROOT

PATHS = sorted((ROOT / GOLDEN).glob("*/*.json"))
NAMES = [f"{path.parent.name}/{path.stem}" for path in PATHS]


def read(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def golden(name: str, example: str = "full") -> dict:
    return read(ROOT / GOLDEN / f"ml.{name}.v1" / f"{example}.json")
