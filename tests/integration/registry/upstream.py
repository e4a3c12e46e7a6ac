"""An upstream system that writes its requests by hand, right or wrong."""

import json
from typing import Any
from uuid import uuid4

from tests.integration.outsider import Outsider, Said, attributes

ANSWERS = ("ml.model.events", "ml.model.refusals", "ml.dataset.events", "ml.dataset.refusals")


class Upstream(Outsider):
    async def request(self, name: str, body: dict[str, Any], *, request_id: str | None = None) -> str:
        """Send a request, with the id of an earlier one or its own; its id."""
        kind = "dataset" if "dataset_id" in body else "model"
        subject = body[f"{kind}_id"]
        headers = attributes(f"ml.{name}.v1", subject, id=request_id or str(uuid4()))
        await self.write(f"ml.{kind}.requests", json.dumps(body).encode(), key=subject, headers=headers)
        return headers["ce_id"]

    async def requested(self, name: str, body: dict[str, Any]) -> Said:
        """Send a request and wait for the answer."""
        return await self.answer(await self.request(name, body))
