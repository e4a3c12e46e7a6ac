"""Whether this process is fit to work, and if not, why."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from chassis.errors import Outage, PlatformError
from chassis.outages import outages
from chassis.telemetry import READY

Check = Callable[[], Awaitable[None]]
"""Returns when all is well; raises a `PlatformError` that says what isn't. May take its time: nobody waits for long."""

_PATIENCE_S: Final = 1.5
_PROOF_S: Final = 10.0
_EVERY_S: Final = 5.0


@dataclass
class Health:
    """Named checks: those of `dependencies` tell an outage from poison; all of them make readiness.

    Whoever wants to show readiness gets an answer soon; whoever wants to know whether it was an outage waits `proof_s`,
    longer than the drivers do: on a busy machine a slow answer is no outage.

    A check is asked once at a time. Whoever asks while it hasn't answered yet waits for the same answer, which then
    comes later than the question, as it should.
    """

    dependencies: dict[str, Check] = field(default_factory=dict)
    others: dict[str, Check] = field(default_factory=dict)
    proof_s: float = _PROOF_S
    _asked: dict[str, asyncio.Task[str | None]] = field(default_factory=dict)
    _missed: dict[str, str] = field(default_factory=dict)

    async def run(self) -> None:
        """Look now and then, so that figures and log lines don't depend on who asks for readiness."""
        while True:
            await self.report()
            await asyncio.sleep(_EVERY_S)

    def drop(self, name: str) -> None:
        """Look at one of the others no more, and show it no more."""
        self.others.pop(name, None)
        READY.remove(name)

    async def away(self) -> str | None:
        """The first dependency that is proven to be away, and why; None when all answer in the end."""
        reasons = await self._reasons(self.dependencies, self.proof_s)
        return next((f"{name}: {reason}" for name, reason in reasons.items() if reason), None)

    async def report(self) -> dict[str, str | None]:
        """Every check with the reason why it fails, or None; in less than two seconds."""
        return await self._reasons({**self.dependencies, **self.others}, _PATIENCE_S)

    async def _reasons(self, checks: Mapping[str, Check], patience_s: float) -> dict[str, str | None]:
        asked = {name: self._ask(name, check) for name, check in checks.items()}
        if asked:
            await asyncio.wait(asked.values(), timeout=patience_s)
        # Not cancelled: a driver that is told to stop by a silent server may wait for that server's leave.
        reasons = {
            name: task.result() if task.done() else f"no answer in {patience_s:g} s" for name, task in asked.items()
        }
        for name, reason in reasons.items():
            READY.labels(name).set(reason is None)
        return reasons

    def _ask(self, name: str, check: Check) -> asyncio.Task[str | None]:
        task = self._asked.get(name)
        if task is None or task.done():
            task = self._asked[name] = asyncio.create_task(self._answer(name, check))
        return task

    async def _answer(self, name: str, check: Check) -> str | None:
        try:
            await check()
        except PlatformError as error:
            if isinstance(error, Outage) and name in self.dependencies:
                self._missed[name] = error.code
                outages.goes_on(error.code, str(error))
            return f"{error.code}: {error}" if str(error) else error.code
        except Exception as error:  # noqa: BLE001 - a check that breaks is a reason too, and must not take the page down with it.
            return type(error).__name__
        if name in self._missed:
            outages.is_over(self._missed.pop(name))
        return None
