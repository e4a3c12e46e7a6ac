"""`python -m tests.integration.growth.executor`: an executor that accepts everything and scores nothing."""

import asyncio

from services.executor.app import build
from services.executor.settings import Settings
from tests.unit.executor.fakes import FakeScoring

asyncio.run(build(Settings(), make_driver=FakeScoring).run())
