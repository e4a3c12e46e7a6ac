"""Write the published contracts, or check them: `python -m schemas.generate [--check | --release]`."""

import argparse
import json
import sys
from pathlib import Path
from typing import Final

from schemas.catalogue import CATALOGUE
from schemas.publishing.asyncapi import asyncapi
from schemas.publishing.compatibility import breaking_changes
from schemas.publishing.json_schemas import Json, json_schemas
from schemas.publishing.markdown import events_page

ROOT: Final = Path(__file__).resolve().parent.parent
PUBLISHED: Final = Path("schemas/published")
RELEASED: Final = Path("schemas/released")
GOLDEN: Final = Path("schemas/golden")
EVENTS_PAGE: Final = Path("docs/events.md")
ASYNCAPI: Final = PUBLISHED / "asyncapi.json"


def outputs(root: Path = ROOT) -> dict[Path, str]:
    """Every generated file by its path below `root`, whose golden examples it quotes."""
    files = {PUBLISHED / f"{ce_type}.json": _text(schema) for ce_type, schema in json_schemas().items()}
    files[ASYNCAPI] = _text(asyncapi(_examples(root)))
    files[EVENTS_PAGE] = events_page()
    return files


def write(root: Path = ROOT) -> None:
    """Write what `outputs` gives, and delete schemas of messages that are no more."""
    files = outputs(root)
    for path in _strangers(root, files):
        (root / path).unlink()
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")


def drift(root: Path = ROOT) -> list[str]:
    """A line for each generated file that is not what the code says."""
    files = outputs(root)
    lines = [hint for path, text in files.items() if (hint := _first_difference(root, path, text))]
    return lines + [f"{path}: belongs to no message" for path in _strangers(root, files)]


def incompatibilities(root: Path = ROOT) -> list[str]:
    """What breaks a released schema."""
    released = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in (root / RELEASED).glob("*.json")}
    return breaking_changes(released, json_schemas())


def release(root: Path = ROOT) -> None:
    """Keep the current schemas as released: from now on they only gain optional fields."""
    (root / RELEASED).mkdir(parents=True, exist_ok=True)
    for ce_type, schema in json_schemas().items():
        (root / RELEASED / f"{ce_type}.json").write_text(_text(schema), encoding="utf-8")


def _strangers(root: Path, files: dict[Path, str]) -> list[Path]:
    return sorted(PUBLISHED / path.name for path in (root / PUBLISHED).glob("*") if PUBLISHED / path.name not in files)


def _examples(root: Path) -> dict[str, list[Json]]:
    paths = {ce_type: root / GOLDEN / ce_type / "full.json" for ce_type in CATALOGUE}
    return {key: [json.loads(path.read_text(encoding="utf-8"))] for key, path in paths.items() if path.exists()}


def _text(document: Json) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _first_difference(root: Path, path: Path, expected: str) -> str | None:
    if not (root / path).exists():
        return f"{path}: missing"
    actual = (root / path).read_text(encoding="utf-8")
    if actual == expected:
        return None
    have, want = actual.splitlines(), expected.splitlines()
    same = next((at for at, (one, other) in enumerate(zip(have, want, strict=False)) if one != other), None)
    number = min(len(have), len(want)) if same is None else same
    return f"{path}:{number + 1}: has {_line(have, number)}, code says {_line(want, number)}"


def _line(lines: list[str], number: int) -> str:
    return repr(lines[number].strip()) if number < len(lines) else "its end"


def _report(problems: list[str], advice: str) -> int:
    for problem in problems:
        print(problem, file=sys.stderr)  # noqa: T201
    if problems:
        print(advice, file=sys.stderr)  # noqa: T201
    return 1 if problems else 0


def main(argv: list[str] | None = None) -> int:
    """Exit code 1 where a check fails; `--release` refuses what breaks an earlier release."""
    parser = argparse.ArgumentParser(prog="python -m schemas.generate", description=__doc__)
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--check", action="store_true", help="fail where files and code differ, or a release is broken")
    mode.add_argument("--release", action="store_true", help="keep the current schemas as released")
    arguments = parser.parse_args(argv)
    broken = _report(
        incompatibilities(), "a released message only gains optional fields: declare the next major instead"
    )
    if arguments.check:
        return _report(drift(), "run: python -m schemas.generate") or broken
    if arguments.release and broken:
        return broken
    write()
    if arguments.release:
        release()
    return broken


if __name__ == "__main__":
    sys.exit(main())
