"""Cron expressions, read by the library that Airflow reads them with."""

import re
from typing import Final

from croniter import croniter

from schemas.values import Schedule
from services.deployer.domain.errors import ScheduleInvalid

_BY_CHANCE: Final = re.compile(r"(?<![a-z])[hr](?![a-z])", re.IGNORECASE)


def ensure_valid(schedule: Schedule) -> None:
    """Raises: ScheduleInvalid, also where the expression names a day that never comes."""
    # R (random) and H (hashed) mean another time each time they are read.
    if _BY_CHANCE.search(schedule.cron) or not croniter.is_valid(schedule.cron, strict=True):
        raise ScheduleInvalid(f"{schedule.cron!r} is no cron expression that ever comes due")
