"""Spark ends Python workers that idle for a minute, and with them the models that they have loaded."""

import threading
import time
from collections.abc import Callable
from typing import Any, Final

_EVERY_S: Final = 20.0
Handler = Callable[[dict[str, Any]], dict[str, Any]]


def kept_warm(handle: Handler, little: Callable[[], object]) -> Handler:
    """The same, with `little`, a job of Python workers, done every now and then, but never beside a question."""
    turn = threading.Lock()

    def keep() -> None:
        while True:
            time.sleep(_EVERY_S)
            with turn:
                little()

    def answer(wanted: dict[str, Any]) -> dict[str, Any]:
        with turn:
            return handle(wanted)

    threading.Thread(target=keep, name="warmth", daemon=True).start()
    return answer
