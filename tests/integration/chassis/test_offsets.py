"""Consumer groups, shown and taken back."""

import pytest
from aiokafka import AIOKafkaConsumer

from chassis.bus.connection import client_options
from chassis.offsets.groups import GroupInUse, Groups

TOPIC = "ml.model.events"

pytestmark = pytest.mark.timeout(60)


def consumer(kafka, group: str) -> AIOKafkaConsumer:
    options = client_options(kafka.settings("upstream"))
    return AIOKafkaConsumer(TOPIC, **options, group_id=group, auto_offset_reset="earliest", enable_auto_commit=False)


async def test_a_group_without_members_can_be_taken_back_to_the_beginning(kafka, counting, outsider, new_name):
    await outsider.answer(await outsider.send(new_name(), description="so that there is a fact"))
    group, groups = f"upstream.{new_name()}", Groups(kafka.settings("operator"))
    reader = consumer(kafka, group)
    await reader.start()
    try:
        read = await reader.getmany(timeout_ms=10_000)
        await reader.commit()
        with pytest.raises(GroupInUse):
            await groups.rewind(group)
    finally:
        await reader.stop()
    there = {each.partition: each.offset for each in await groups.positions(group)}

    before = await groups.rewind(group)

    assert {each.partition: each.offset for each in before} == there
    assert sum(there.values()) >= sum(len(records) for records in read.values()) > 0
    assert {each.offset - each.begin for each in await groups.positions(group)} == {0}
    assert sum(each.lag for each in await groups.positions(group)) >= sum(there.values())
