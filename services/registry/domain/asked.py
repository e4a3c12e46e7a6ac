"""Who is behind a change."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Who asked, by which request, and when it is answered."""

    by: str
    request_id: str
    at: datetime
