"""A plain Kafka producer that publishes requests, and a plain consumer that waits for their answers."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError, KafkaError

from examples.grocery.errors import DemoError, RefusalError, StackDownError
from examples.grocery.events import Message, read_message
from examples.grocery.stack import Kafka

PRINCIPAL = "upstream"
ANSWER_TIMEOUT_S = 60.0
_KINDS = ("model", "dataset", "deployment", "execution", "metric")
_FACTS = tuple(f"ml.{kind}.events" for kind in _KINDS)
_REFUSALS = tuple(f"ml.{kind}.refusals" for kind in _KINDS)
_PROGRESS = "ml.execution.progress"

Listener = Callable[[Message], None]


class Bus:
    """Everything said on the bus since it was entered. Facts and refusals are kept, progress only passes by."""

    def __init__(self, kafka: Kafka) -> None:
        # Idempotent: what is sent again after a lost acknowledgement is stored once.
        self._producer = AIOKafkaProducer(**kafka.client(PRINCIPAL), acks="all", enable_idempotence=True)
        self._consumer = AIOKafkaConsumer(*_FACTS, *_REFUSALS, _PROGRESS, **kafka.client(PRINCIPAL), group_id=None)
        self._arrived = asyncio.Condition()
        self._reader: asyncio.Task[None] | None = None
        self._failure: Exception | None = None
        self._listeners: list[Listener] = []
        self.sent: list[Message] = []
        self.received: list[Message] = []

    @property
    def facts(self) -> list[Message]:
        return [message for message in self.received if message.topic in _FACTS]

    def listen(self, listener: Listener) -> None:
        """Called with every message from now on, progress included."""
        self._listeners.append(listener)

    async def __aenter__(self) -> Self:
        try:
            await self._producer.start()
            await self._consumer.start()
            await self._begin_here()
        except KafkaConnectionError as error:
            await self._stop()
            raise StackDownError("Kafka does not answer") from error
        except KafkaError as error:
            await self._stop()
            raise DemoError(f"Kafka refuses the principal {PRINCIPAL}: {error!r}") from error
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stop()
        if self._reader is not None:  # A consumer that stops ends whoever reads it.
            await asyncio.gather(self._reader, return_exceptions=True)

    async def send(self, request: Message) -> None:
        self.sent.append(request)
        await self._producer.send_and_wait(
            request.topic, key=request.key, value=request.body(), headers=request.headers()
        )

    async def ask(self, request: Message, *, answers: set[str], timeout_s: float = ANSWER_TIMEOUT_S) -> Message:
        """Send, and wait for the one answer.

        Raises:
            RefusalError: the answer was a refusal.
            DemoError: there was none in time.
        """
        await self.send(request)
        answer = await self.first(
            lambda message: (
                message.type in {*answers, "RequestRejected"} and message.data.get("request_id") == request.id
            ),
            waiting_for=f"an answer to {request.type} of {request.subject}",
            timeout_s=timeout_s,
        )
        if answer.type == "RequestRejected":
            raise _refusal(request, answer)
        return answer

    async def first(self, wanted: Callable[[Message], bool], *, waiting_for: str, timeout_s: float) -> Message:
        """The first fact or refusal, past or to come, that is wanted."""
        try:
            async with asyncio.timeout(timeout_s), self._arrived:
                while True:
                    for message in self.received:
                        if wanted(message):
                            return message
                    self._raise_if_deaf()
                    await self._arrived.wait()
        except TimeoutError:
            raise DemoError(f"waited {timeout_s:.0f} s for {waiting_for}; `make logs` may say why") from None

    async def _begin_here(self) -> None:
        """Fix the positions now: left to the first fetch, what arrives before it would be passed over."""
        await self._consumer.seek_to_end()
        for partition in self._consumer.assignment():
            await self._consumer.position(partition)

    async def _read(self) -> None:
        try:
            async for record in self._consumer:
                await self._take(read_message(record.topic, record.headers, record.value or b"null"))
        except (KafkaError, KeyError, ValueError) as error:
            self._failure = error
            async with self._arrived:
                self._arrived.notify_all()

    async def _take(self, message: Message) -> None:
        for listener in self._listeners:
            listener(message)
        async with self._arrived:
            if message.topic != _PROGRESS:
                self.received.append(message)
            self._arrived.notify_all()

    def _raise_if_deaf(self) -> None:
        if self._failure is not None:
            raise DemoError(f"can't read the bus any longer: {self._failure!r}") from self._failure

    async def _stop(self) -> None:
        await self._consumer.stop()
        await self._producer.stop()


def _refusal(request: Message, answer: Message) -> RefusalError:
    return RefusalError(
        f"{request.type} of {request.subject}",
        code=answer.data["code"],
        message=answer.data["message"],
        violations=[(each["field"], each["message"]) for each in answer.data.get("violations", ())],
    )
