"""A process that stays warm and does one thing after another: lines of JSON in, lines of JSON out.

`python -m benchmarks.scoring.resident <module>` runs the module's `open_handler()` once, says that it is ready, then
answers each line with what the handler gives for it.
"""

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

from infra.embedded.layout import CHECKOUT

Handler = Callable[[dict[str, Any]], dict[str, Any]]


class ResidentFailed(RuntimeError):
    """It ended, or what it was asked for went wrong."""


class Resident:
    """The parent's side.

    Args:
        module: where `open_handler` is.
        python: the interpreter, of whatever environment.
        environment: beside the caller's own.
        log: takes what it and all below it say.
        checkout: whose code it runs.
    """

    def __init__(
        self, module: str, *, python: Path, environment: Mapping[str, str], log: Path, checkout: Path = CHECKOUT
    ) -> None:
        self._module, self._log = module, log
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                [python, "-m", "benchmarks.scoring.resident", module],
                cwd=checkout,
                env={**os.environ, "PYTHONPATH": str(checkout), **environment},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )

    def __enter__(self) -> Self:
        self._answer()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()

    def ask(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """Raises: ResidentFailed."""
        if self._process.stdin is not None and self._process.poll() is None:
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        line = self._process.stdout.readline() if self._process.stdout is not None else ""
        answer = json.loads(line) if line else {"error": "it has ended"}
        if "error" in answer:
            raise ResidentFailed(f"{self._module}: {answer['error']} (log: {self._log})")
        return answer


def serve(module: str, questions: TextIO, answers: TextIO) -> None:
    """The child's side, until there are no more questions."""
    handle: Handler = importlib.import_module(module).open_handler()
    _tell(answers, {"ready": True})
    for line in questions:
        try:
            answer = handle(json.loads(line))
        except Exception as error:  # noqa: BLE001 - the parent must hear of it, whatever it is
            answer = {"error": f"{type(error).__name__}: {error}"[:2000]}
        _tell(answers, answer)


def _tell(answers: TextIO, answer: dict[str, Any]) -> None:
    answers.write(json.dumps(answer) + "\n")
    answers.flush()


def _private_pipes() -> tuple[TextIO, TextIO]:
    """The parent's pipes under descriptors of their own: a JVM writes to 1, and workers would read from 0."""
    questions, answers = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    return os.fdopen(questions, encoding="utf-8"), os.fdopen(answers, "w", encoding="utf-8")


if __name__ == "__main__":
    serve(sys.argv[1], *_private_pipes())
