"""`python -m services.registry`."""

import asyncio

from services.registry.app import build
from services.registry.settings import Settings

asyncio.run(build(Settings()).run())
