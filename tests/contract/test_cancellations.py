"""Only `chassis/tasks.py` cancels tasks: what it promises holds for the whole code, tests included.

A bare `task.cancel()` is heard by chance before Python 3.12: whoever waits for the task then may wait for ever.
"""

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.embedded.layout import CHECKOUT

CONSTRUCT = "chassis/tasks.py"
MAY_CANCEL = {CONSTRUCT, "tests/unit/chassis/test_tasks.py"}
# What has a method of that name and is no task: by file, how it is called there.
NO_TASKS = {
    "services/executor/scoring/driver.py": {"self._run"},  # a job
    "tests/hostile/trial.py": {"timer"},  # a thread's
    "tests/unit/chassis/test_stray_cancellations.py": {"future"},  # a future, as a closing driver cancels it
    "tests/unit/executor/test_execution_machine.py": {"self"},  # a rule of the machine
    "tests/integration/chassis/deaf.py": {"subscription.consumer._fetcher._fetch_task"},  # a client's, to make it deaf
}
# asyncio's own, and what to take instead: one swallows cancellations, the other says them once.
REPLACED = {"wait_for": "asyncio.timeout", "TaskGroup": "chassis.tasks.TaskGroup"}
OURS = ("chassis/", "services/", "infra/", "examples/", "benchmarks/")


def tracked() -> list[str]:
    listed = subprocess.run(["git", "ls-files", "*.py"], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    if listed.returncode == 0:
        return listed.stdout.split()
    folders = ("benchmarks", "chassis", "examples", "infra", "schemas", "services", "tests")
    return [str(path.relative_to(CHECKOUT)) for each in folders for path in (CHECKOUT / each).rglob("*.py")]


def wrong_in(path: str, source: str) -> list[str]:
    tree = ast.parse(source)
    found = [f"{path}:{line}: {what}" for line, what in _cancelled(tree, NO_TASKS.get(path, set()))]
    if path.startswith(OURS):
        found += [f"{path}:{line}: {what}" for line, what in _replaced(tree)]
    return found


def _cancelled(tree: ast.AST, no_tasks: set[str]) -> Iterator[tuple[int, str]]:
    """Every `x.cancel`, called or handed over, but what is awaited or told more than a message: that is no task's."""
    others = {id(call.func) for call in _calls_of_others(tree)}
    for each in ast.walk(tree):
        if isinstance(each, ast.Attribute) and each.attr == "cancel" and id(each) not in others:
            receiver = ast.unparse(each.value)
            if receiver not in no_tasks:
                yield each.lineno, f"{receiver}.cancel: take chassis.tasks.end"


def _replaced(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for each in ast.walk(tree):
        if isinstance(each, ast.Attribute) and ast.unparse(each.value) == "asyncio" and each.attr in REPLACED:
            yield each.lineno, f"asyncio.{each.attr}: take {REPLACED[each.attr]}"
        if isinstance(each, ast.ImportFrom) and each.module == "asyncio":
            yield from (
                (each.lineno, f"{name.name}: take {REPLACED[name.name]}")
                for name in each.names
                if name.name in REPLACED
            )


def _calls_of_others(tree: ast.AST) -> Iterator[ast.Call]:
    for each in ast.walk(tree):
        if isinstance(each, ast.Await) and isinstance(each.value, ast.Call):
            yield each.value
        if isinstance(each, ast.Call) and any(said.arg != "msg" for said in each.keywords):
            yield each


def test_nothing_cancels_a_task_but_the_construct_for_it():
    wrong = [
        line
        for path in tracked()
        if path not in MAY_CANCEL
        for line in wrong_in(path, (CHECKOUT / path).read_text("utf-8"))
    ]
    assert not wrong, "\n".join(wrong)


def test_what_is_excepted_is_still_there():
    for path, receivers in NO_TASKS.items():
        source = (CHECKOUT / path).read_text("utf-8")
        assert all(f"{each}.cancel(" in source for each in receivers), path


@pytest.mark.parametrize(
    "source",
    [
        "task.cancel()\nawait task",
        "async def f():\n    self._task.cancel('why')\n    await asyncio.wait((self._task,))",
        "for each in tasks:\n    each.cancel()",
        "loop.call_later(1, task.cancel)",
        "async with asyncio.TaskGroup() as tasks: ...",
        "await asyncio.wait_for(answer, 5)",
        "from asyncio import wait_for",
    ],
)
def test_every_way_around_the_construct_is_seen(source):
    wrapped = "async def wrapped():\n" + "\n".join(f"    {line}" for line in source.splitlines())
    assert wrong_in("chassis/somewhere.py", wrapped)


def test_what_is_no_tasks_and_a_test_that_waits_with_a_bound_are_let_be():
    assert not wrong_in("services/somewhere.py", "async def f():\n    await driver.cancel()")
    assert not wrong_in("services/somewhere.py", "execution.cancel(requested_by='x')")
    assert not wrong_in("tests/somewhere.py", "async def f():\n    await asyncio.wait_for(task, 5)")
    assert Path(CHECKOUT, CONSTRUCT).exists()
