"""`python -m services.deployer`."""

import asyncio

from services.deployer.app import build
from services.deployer.settings import Settings

asyncio.run(build(Settings()).run())
