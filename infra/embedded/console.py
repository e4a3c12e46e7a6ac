"""Progress for people: a spinner while something is being done, and a line when it is done."""

import threading
from typing import Self

from rich.console import Console
from rich.status import Status

_WIDTH = 12


class ConsoleReport:
    """A `Report` on the terminal; without a terminal only the lines of what is done."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status = Status("", console=console)
        self._doing: dict[str, str] = {}
        self._turn = threading.Lock()
        self._interrupted = False

    def __enter__(self) -> Self:
        self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._status.stop()

    def begin(self, part: str, step: str) -> None:
        with self._turn:
            self._doing[part] = step
            self._show()

    def done(self, part: str, outcome: str, *, seconds: float) -> None:
        self._end(part, f"[green]✓[/] {part:<{_WIDTH}} [dim]{seconds:5.1f} s[/]  {outcome}")

    def fail(self, part: str, reason: str) -> None:
        if self._interrupted:
            return
        self._end(part, f"[red]✗[/] {part:<{_WIDTH}} {'':7}  {reason.splitlines()[0] if reason else ''}")

    def note(self, part: str, message: str) -> None:
        self._console.print(f"  {part:<{_WIDTH}} {'':7}  {message}", highlight=False, soft_wrap=True)

    def interrupted(self) -> None:
        with self._turn:
            if not self._interrupted:
                self._console.print("interrupted; stopping")
            self._interrupted = True
            self._doing.clear()
            self._show()

    def _end(self, part: str, line: str) -> None:
        with self._turn:
            self._doing.pop(part, None)
            self._console.print(line, highlight=False, soft_wrap=True)
            self._show()

    def _show(self) -> None:
        self._status.update("  ".join(f"{part}: {step}" for part, step in self._doing.items()))
