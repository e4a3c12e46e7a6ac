"""What parts answer when all of them are asked at once."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

from infra.embedded.errors import NotReady

READY: Final = "ready"


def answers(probes: Mapping[str, Callable[[], None]], *, within_s: float) -> dict[str, str]:
    """`READY`, or why not, by the probe's name; the slowest takes no longer than `within_s`.

    Args:
        probes: they return, or raise `NotReady`.
        within_s: for all together. A probe that takes longer is left behind.
    """
    found: dict[str, str] = {}

    def ask(name: str, probe: Callable[[], None]) -> None:
        try:
            probe()
        except NotReady as error:
            found[name] = _first_line(str(error))
        else:
            found[name] = READY

    # Daemons: a program doesn't wait for them when it ends, as it does for a pool's threads.
    threads = [threading.Thread(target=ask, args=item, daemon=True) for item in probes.items()]
    deadline = time.monotonic() + within_s
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    silent = f"no answer within {within_s:g} s"
    return {name: found.get(name, silent) for name in probes}


def _first_line(text: str) -> str:
    return next(iter(text.splitlines()), "")
