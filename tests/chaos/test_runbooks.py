"""Each runbook, followed as written on a platform that has the trouble which it is about."""

import asyncio
import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from chassis.bus.envelope import rfc3339
from infra.embedded.layout import CHECKOUT
from tests.chaos.load import tell_stories
from tests.chaos.platform import Platform, running
from tests.chaos.run import come_to_rest
from tests.chaos.runbook import checkout, follow_all
from tests.chaos.sender import Sender
from tests.integration.kafka import KafkaServer
from tests.integration.outsider import Outsider, attributes

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

UPDATE = "ml.ModelUpdateRequested.v1"


def followed(runbook: str, platform: Platform, replacing: Mapping[str, str]) -> None:
    """Do all that a runbook says. `replacing` has what its examples are called today."""
    with checkout(platform.stack.layout.data) as folder:
        follow_all(CHECKOUT / "docs" / "runbooks" / f"{runbook}.md", folder, replacing)


@pytest.mark.parametrize("runbook", ["stuck-consumer", "full-disk", "lost-server"])
def test_a_runbook_that_needs_no_names(runbook: str) -> None:
    with running({}) as platform:
        asyncio.run(worked(platform))
        followed(runbook, platform, {})
        platform.await_ready()


async def worked(platform: Platform) -> None:
    """Something to lose."""
    async with Sender(platform.connections) as sender:
        await tell_stories(sender, platform.connections, seed=8, requests=1, minutes=0.01)
    assert await come_to_rest(platform.connections, time.monotonic()) is not None


def test_dead_letters() -> None:
    with running({}, servers=["kafka", "mongo", "s3"], services=["registry", "deployer"]) as platform:
        kafka = KafkaServer(platform.stack.connection("kafka").described())
        followed("dead-letters", platform, asyncio.run(buried(kafka)))


async def buried(kafka: KafkaServer) -> dict[str, str]:
    """Three records that services have given up on; the ids of these dead letters, by those in the runbook."""
    topics = ("ml.registry.dlq", "ml.deployer.dlq")
    async with Outsider(kafka, *topics, principals=("upstream", "registry")) as outsider:
        await write_letter_of_a_mended_bug(outsider)
        await outsider.write(
            "ml.model.requests", b'{"model_id": demand}', key="demand", headers=attributes(UPDATE, "demand")
        )
        fact = attributes("ml.ModelArchived.v1", "churn", source="/services/registry", sequence="1")
        body = b'{"model_id": "churn", "version": "two"}'
        await outsider.write("ml.model.events", body, key="churn", headers=fact, principal="registry")
        letters = await outsider.hear(lambda _: True, 3)
    examples = {"pricing": "registry/2/17", "demand": "registry/0/3", "churn": "deployer/1/4"}
    return {
        examples[each.key]: f"{each.topic.split('.')[1]}/{each.record.partition}/{each.record.offset}"
        for each in letters
    }


async def write_letter_of_a_mended_bug(outsider: Outsider) -> None:
    """What the registry would have kept of a good request at which it failed."""
    about = {
        "original-topic": "ml.model.requests",
        "original-partition": "0",
        "original-offset": "0",
        "error-code": "handler-failed",
        "error-message": "KeyError: 'a bug'",
        "attempts": "5",
        "failed-at": rfc3339(datetime.now(UTC)),
    }
    headers = attributes(UPDATE, "pricing") | {f"dlq-{name}": text for name, text in about.items()}
    value = json.dumps({"model_id": "pricing", "description": "Prices"}).encode()
    await outsider.write("ml.registry.dlq", value, key="pricing", headers=headers, principal="registry")
