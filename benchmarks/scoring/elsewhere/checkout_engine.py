"""A warm driver of whatever checkout comes first on the path: a job in, seconds out (see `resident.py`).

Its settings come from the environment.
"""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

from services.executor.scoring.job import ScoringJob
from services.executor.scoring.settings import ScoringSettings
from services.executor.scoring.warm_driver import WarmDriver


def open_handler() -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Starts the driver, which ends with this process."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="driver", daemon=True).start()
    driver = WarmDriver(ScoringSettings())
    asyncio.run_coroutine_threadsafe(driver.start(), loop).result()

    def handle(question: dict[str, Any]) -> dict[str, Any]:
        began = time.perf_counter()
        job = ScoringJob.model_validate(question["job"])
        asyncio.run_coroutine_threadsafe(driver.run(job, on_progress=lambda _: None), loop).result()
        return {"seconds": time.perf_counter() - began}

    return handle
