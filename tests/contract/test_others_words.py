"""What others' exceptions say gets out of a service by `plain` alone: it may name paths, addresses and values."""

import ast
from collections.abc import Iterator

from infra.embedded.layout import CHECKOUT

SOURCES = [
    path
    for folder in ("chassis", "services", "schemas")
    for path in sorted((CHECKOUT / folder).rglob("*.py"))
    # Command lines are operators'; the child's own failures are all said by `failure_of`.
    if not {"child", "deadletters", "offsets", "garbage"} & set(path.parts)
]
KNOWN = {
    "chassis/bus/compression.py": "it is compared",
    "chassis/bus/dead_letters.py": "readiness",
    "chassis/documents/client.py": "a conflict is decided again, and said to the log",
    "chassis/sandbox/command.py": "check_sandbox says it by `plain`",
    "chassis/sandbox/process.py": "words of wire.py",
    "chassis/stack_file.py": "a command line's",
    "chassis/tables.py": "its number is compared",
    "services/executor/scoring/driver.py": "standard error",
    "services/executor/scoring/histograms.py": "the run's log",
}
PROPER = {"plain", "_why", "type", "in_full", "unforeseen", "debug", "info", "warning", "error", "exception"}


def test_others_words_go_where_they_may():
    trees = {path: ast.parse(path.read_text()) for path in SOURCES}
    ours = {node.name for tree in trees.values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    found = {
        path.relative_to(CHECKOUT).as_posix()
        for path, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler) and node.name and not _names(node.type) <= ours
        if any(_says(each, node.name) for each in node.body)
    }
    assert found == set(KNOWN)


def _names(kind: ast.expr | None) -> set[str]:
    kinds = kind.elts if isinstance(kind, ast.Tuple) else [kind]
    return {each.attr if isinstance(each, ast.Attribute) else getattr(each, "id", "") for each in kinds}


def _says(node: ast.AST, name: str) -> bool:
    """Whether the error of this name, or what it holds, becomes text in here, other than by a proper way."""
    if isinstance(node, ast.Call) and _called(node) in PROPER:
        return False
    becomes_text = isinstance(node, ast.FormattedValue) or (
        isinstance(node, ast.Call) and _called(node) in {"str", "repr"}
    )
    if becomes_text and name in _read(node):
        return True
    return any(_says(each, name) for each in ast.iter_child_nodes(node))


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _read(node: ast.AST) -> Iterator[str]:
    """Names in here that stand for themselves, or for their words: `error`, `error.details`, not `error.errno`."""
    for each in ast.iter_child_nodes(node):
        if isinstance(each, ast.Call) and _called(each) in PROPER:
            continue
        if isinstance(each, ast.Attribute) and each.attr not in {"args", "details", "message", "strerror", "filename"}:
            continue
        if isinstance(each, ast.Name):
            yield each.id
        yield from _read(each)
