"""Structured logs: one JSON object a line, with the ids that the bus binds."""

import logging
import sys
import time
from collections.abc import Callable
from typing import Any, Final

import structlog

from chassis.settings import LogSettings
from chassis.tokens import text_without_tokens

_EVERY_S: Final = 60.0
# A server that is away is told by `chassis/outages.py`; these tell each of their tries, hundreds a second.
_TALKATIVE: Final = frozenset({"aiokafka", "asyncpg", "pymongo"})


class OnceAMinute(logging.Filter):
    """Lets one line a minute of each talkative library through, with the number that it has held back since the last.

    What comes with a traceback is counted apart, message by message: it is what nobody foresaw.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._monotonic = monotonic
        self._passed_at: dict[tuple[str, str], float] = {}
        self._held_back: dict[tuple[str, str], int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        library = record.name.partition(".")[0]
        if library not in _TALKATIVE:
            return True
        kind = library, str(record.msg) if record.exc_info else ""
        now = self._monotonic()
        if now - self._passed_at.get(kind, float("-inf")) < _EVERY_S:
            self._held_back[kind] = self._held_back.get(kind, 0) + 1
            return False
        self._passed_at[kind] = now
        record.held_back = self._held_back.pop(kind, 0)
        return True


def configure_logs(settings: LogSettings, *, service: str) -> None:
    """Send this process's logs, and those of its libraries, to standard output in one shape."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer() if settings.format == "json" else structlog.dev.ConsoleRenderer()
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name, structlog.stdlib.ExtraAdder(["held_back"])],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer, _cut_tokens],
        )
    )
    handler.addFilter(OnceAMinute())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.level)
    # Their INFO tells each poll, each rebalance step and each request.
    for noisy in ("aiokafka", "pymongo", "uvicorn.access", "faststream", "httpx"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)


def _cut_tokens(logger: object, method: str, line: Any) -> str:
    """What fails may quote what it was given: the last thing that happens to a line."""
    _ = (logger, method)
    return text_without_tokens(line)
