"""`python -m services.executor`."""

import asyncio

from services.executor.app import build
from services.executor.settings import Settings

asyncio.run(build(Settings()).run())
