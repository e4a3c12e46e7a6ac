"""Whether this process is fit to work, and if not, why."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from chassis.errors import PlatformError
from chassis.telemetry import READY

Check = Callable[[], Awaitable[None]]
"""Returns when all is well; raises a `PlatformError` that says what isn't."""

_TIMEOUT_S: Final = 6.0


@dataclass
class Health:
    """Named checks: those of `dependencies` tell an outage from poison; all of them make readiness."""

    dependencies: dict[str, Check] = field(default_factory=dict)
    others: dict[str, Check] = field(default_factory=dict)

    def drop(self, name: str) -> None:
        """Look at one of the others no more, and show it no more."""
        self.others.pop(name, None)
        READY.remove(name)

    async def away(self) -> str | None:
        """The first dependency that is away, and why; None when all answer."""
        reasons = await _reasons(self.dependencies)
        return next((f"{name}: {reason}" for name, reason in reasons.items() if reason), None)

    async def report(self) -> dict[str, str | None]:
        """Every check with the reason why it fails, or None."""
        return await _reasons({**self.dependencies, **self.others})


async def _reasons(checks: Mapping[str, Check]) -> dict[str, str | None]:
    results = await asyncio.gather(*(_reason(check) for check in checks.values()))
    reasons = dict(zip(checks, results, strict=True))
    for name, reason in reasons.items():
        READY.labels(name).set(reason is None)
    return reasons


async def _reason(check: Check) -> str | None:
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            await check()
    except PlatformError as error:
        return f"{error.code}: {error}" if str(error) else error.code
    except TimeoutError:
        return f"no answer in {_TIMEOUT_S:.0f} s"
    except Exception as error:  # noqa: BLE001 - a check that breaks is a reason too, and must not take the page down with it.
        return type(error).__name__
    return None
