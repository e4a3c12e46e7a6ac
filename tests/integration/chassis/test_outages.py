"""A document store that is away or silent for some seconds, behind a proxy: it is told of once, and all is answered."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit

import pytest
from structlog.testing import capture_logs

from chassis.outages import outages
from chassis.settings import MongoSettings
from tests.chaos import toxiproxy
from tests.chaos.toxiproxy import Proxy
from tests.integration.living import living

pytestmark = pytest.mark.timeout(120)

_OUTAGE_S = 3.0


@pytest.fixture
def proxy(mongo) -> Iterator[Proxy]:
    port = urlsplit(mongo.url.get_secret_value()).port
    with toxiproxy.running() as program:
        yield program.before("mongo", port)


@pytest.fixture
async def service(make_service, proxy, monkeypatch) -> AsyncIterator:
    # A driver that is told of a replica set would go round the proxy.
    url = f"mongodb://127.0.0.1:{proxy.port}/?directConnection=true&w=majority&journal=true"
    monkeypatch.setattr(outages, "_said_at", {})  # an earlier test's minute isn't over yet
    made = make_service(mongo=MongoSettings(url=url, timeout_s=1.0))
    async with living(made.service):
        yield made.service


@pytest.mark.parametrize("fault", ["cut", "half_open"])
async def test_what_is_asked_during_an_outage_is_answered_in_order_after_it(service, proxy, outsider, new_name, fault):
    model_id = new_name()
    before = await outsider.send(model_id, description="before")
    await outsider.answer(before)
    with capture_logs() as said:
        with getattr(proxy, fault)():
            asked = [await outsider.send(model_id, description=str(number)) for number in range(5)]
            reasons = await _reasons_during_outage(service)
        facts = await outsider.hear(lambda each: each.topic == "ml.model.events" and each.key == model_id, 6)

    assert reasons
    assert all(each.startswith("documents-unavailable") or each == "no answer in 1.5 s" for each in reasons)
    assert [each.data["request_id"] for each in facts] == [before, *asked]
    assert [each.sequence for each in facts] == [1, 2, 3, 4, 5, 6]
    await outsider.nothing_more(lambda each: each.is_dead_letter, 0, seconds=0.2)
    events = [each["event"] for each in said if each["log_level"] in {"warning", "error"}]
    assert events == ["waiting_for_dependency"]


async def _reasons_during_outage(service) -> set[str]:
    """Why the service isn't ready, asked again and again; each answer has to come soon."""
    reasons = set()
    end = time.monotonic() + _OUTAGE_S
    while time.monotonic() < end:
        begun = time.monotonic()
        reasons.add((await service.health.report())["documents"])
        assert time.monotonic() - begun < 2
        await asyncio.sleep(0.2)
    return reasons - {None}
