"""Dead letters as services keep them, and an office that holds all of it in memory."""

from aiokafka import ConsumerRecord

from chassis.bus.dead_letters import DeadLetters
from chassis.deadletters.letters import read_letter
from chassis.deadletters.office import Office
from chassis.documents.decisions import Decisions
from tests.unit.chassis.collection import memory_database
from tests.unit.chassis.conftest import FakePublisher, HeldClock, record


class MemoryShelf:
    def __init__(self) -> None:
        self.letters = []

    async def matching(self, which):
        return [each for each in self.letters if each.service in which.services and which.takes(each)]

    async def at(self, service, partition, offset):
        return next((each for each in self.letters if each.id == f"{service}/{partition}/{offset}"), None)


class World:
    """An office on fakes, and services that give up on what a test wants."""

    def __init__(self) -> None:
        self.clock = HeldClock()
        self.publisher = FakePublisher()
        self.shelf = MemoryShelf()
        self.databases = {}
        self.office = Office(
            shelf=self.shelf, decisions_of=self.decisions_of, publisher=self.publisher, clock=self.clock
        )

    def decisions_of(self, service):
        return Decisions(self.databases.setdefault(service, memory_database()))

    async def buried(self, body, *, code="bad-json", message="why", service="registry", actor=None, **options):
        """The letter that such a record becomes."""
        graveyard = FakePublisher()
        original = record(body, self.clock, **options)
        keeper = DeadLetters(graveyard, service=service, clock=self.clock)
        await keeper.bury(original, code=code, message=message, attempts=1, actor=actor)
        (kept,) = graveyard.published
        stamp = int(self.clock.now().timestamp() * 1000)
        offset = len(self.shelf.letters)
        made = ConsumerRecord(kept.topic, 0, offset, stamp, 0, kept.key, kept.value, None, 0, 0, kept.headers)
        self.shelf.letters.append(read_letter(service, made))
        return self.shelf.letters[-1]
