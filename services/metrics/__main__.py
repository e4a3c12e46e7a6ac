import asyncio

from services.metrics.app import build
from services.metrics.settings import MetricsSettings

asyncio.run(build(MetricsSettings()).run())
