"""Whatever a record holds, a dead letter is made of it that the bus takes."""

import json
import time
from unittest.mock import ANY

import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from chassis.bus.dead_letters import DeadLetters
from chassis.bus.record import Cut
from chassis.errors import BusUnavailable, TopicForbidden, Unpublishable
from schemas.topics import DEAD_LETTER_MAX_BYTES
from tests.unit.chassis.conftest import HeldClock, record
from tests.unit.chassis.test_tokens import JWT, OPAQUE

MB = 1024 * 1024
PARTS = ("value", "key", "headers")


class Broker:
    """Takes what Kafka and its client would; `limit` is what its topic has been set to."""

    def __init__(self, limit: int = DEAD_LETTER_MAX_BYTES) -> None:
        self.limit, self.kept, self.asked = limit, [], 0

    async def publish(self, records) -> None:
        self.asked += 1
        for each in records:
            if each.key is None and each.value is None:
                raise AssertionError("Need at least one: key or value")
            size = DefaultRecordBatchBuilder.estimate_size_in_bytes(each.key, each.value, list(each.headers))
            if size > self.limit:
                raise Unpublishable("larger than its topic allows")
        self.kept += records


async def buried(original, *, broker=None, code="bad-json", message="why", **options):
    broker = broker or Broker()
    letters = DeadLetters(broker, service="registry", clock=HeldClock())
    await letters.bury(original, code=code, message=message, attempts=1, **options)
    (letter,) = broker.kept
    return letter, dict(letter.headers)


@pytest.fixture
def made(clock):
    def make(value=b"x", *, key=b"demand", headers=None, **options):
        return record(value, clock, key=key, headers=headers, **options)

    return make


MANY = {f"x-{number}": b"h" for number in range(600_000)}
LONG = {f"x-{number}": b"h" * 1000 for number in range(3000)}


@pytest.mark.parametrize(
    ("options", "cut"),
    [
        ({"value": b"v" * MB}, {}),
        ({"value": b"v" * MB, "key": b"k" * 3 * MB}, {"key": str(3 * MB)}),
        ({"value": b"v" * 16 * MB}, {"value": str(16 * MB), "headers": ANY}),
        ({"headers": {"x": b"h" * 3 * MB}}, {"headers": ANY}),
        ({"headers": {"x" * 3 * MB: b"h"}}, {"headers": ANY}),
        ({"headers": MANY}, {"headers": ANY}),
        ({"headers": LONG, "key": b"k" * MB, "value": b"v" * MB}, {"key": str(MB), "headers": ANY}),
        ({"headers": {"x": None, "y": b""}}, {}),
    ],
)
async def test_it_fits_and_says_what_was_cut_of_it(made, options, cut):
    original = made(**options)

    letter, headers = await buried(original)

    said = {part: size.decode() for part in PARTS if (size := headers.get(f"dlq-{part}-bytes"))}
    assert said == cut
    assert letter.value == original.value if "value" not in cut else original.value.startswith(letter.value)
    assert letter.key == original.key if "key" not in cut else letter.key == original.key[: 64 * 1024]
    if "headers" not in cut:
        assert letter.headers[: len(original.headers)] == original.headers


async def test_what_an_event_is_known_by_is_kept_before_all_that_others_added(made):
    begun = time.process_time()
    _, kept = await buried(made(headers={"x": b"h" * 3 * MB, **MANY, "ce_subject": b"demand"}))

    assert (kept["ce_subject"], kept["ce_type"], kept["x"], kept["x-0"]) == (b"demand", ANY, b"h" * 256, b"h")
    assert time.process_time() - begun < 2


async def test_what_stands_in_tokens_places_fits_too(made):
    letter, headers = await buried(made(b"Bearer x " * 110_000, headers={"y": b"Bearer x " * 110_000}))

    assert letter.value.startswith(b"Bearer [cut] Bearer [cut]")
    assert headers["dlq-redacted"] == b"true"


@settings(max_examples=50, deadline=None)
@given(
    st.none() | st.binary(),
    st.none() | st.binary(),
    st.lists(st.tuples(st.text(st.characters()), st.none() | st.binary())),
    st.integers(1, 30_000),
)
async def test_what_is_small_is_kept_byte_for_byte_and_everything_is_kept(key, value, headers, times):
    clock = HeldClock()
    original = record(None, clock)
    small = {"key": key, "value": value, "headers": tuple(headers)}
    large = {
        "key": key and key * times,
        "value": value and value * times,
        "headers": tuple((name * times, part and part * times) for name, part in headers),
    }
    for sent in (small, large):
        fields = {name: getattr(original, name) for name in original.__dataclass_fields__} | sent
        letter, kept = await buried(type(original)(**fields))

        assert kept["dlq-error-code"] == b"bad-json"
        if sent is small and b"dlq-redacted" not in {name.encode() for name in kept}:
            assert (letter.key, letter.value) == (key, value if (key, value) != (None, None) else b"")


@pytest.mark.parametrize(
    ("value", "size"),
    [(b"v" * 700_000, b"700000"), (Cut.of(b"v" * 65_536, code="too-large", size=10**9), b"1000000000")],
)
async def test_of_what_is_too_large_a_specimen_is_kept_with_its_size(made, value, size):
    letter, headers = await buried(made(value), code="too-large")

    assert (letter.value, headers["dlq-value-bytes"]) == (b"v" * 65_536, size)


async def test_what_nobody_could_count_says_so(made):
    letter, headers = await buried(made(Cut.of(b"", code="bad-batch", size=None)), code="bad-batch")

    assert (letter.value, headers["dlq-value-bytes"]) == (b"", b"unknown")


async def test_a_record_with_neither_key_nor_value_is_kept_too(made):
    letter, headers = await buried(made(None, key=None), code="empty")

    assert (letter.key, letter.value, headers["dlq-error-code"]) == (None, b"", b"empty")


@pytest.mark.parametrize("failure", [Unpublishable("no"), AssertionError("no"), TypeError("no"), RuntimeError("no")])
async def test_where_a_record_cannot_be_kept_its_place_and_its_fault_are(made, failure):
    class Picky(Broker):
        async def publish(self, records) -> None:
            if self.asked == 0:
                self.asked += 1
                raise failure
            await super().publish(records)

    with capture_logs() as said:
        letter, headers = await buried(made(b"v" * 100, key=b"k" * 10), broker=Picky(limit=32 * 1024))

    assert (letter.key, letter.value, headers["dlq-original-offset"]) == (b"", b"", b"7")
    assert (headers["dlq-value-bytes"], headers["dlq-key-bytes"]) == (b"100", b"10")
    assert [each["event"] for each in said] == ["dead_letter_refused", "dead_letter"]


async def test_a_topic_that_takes_no_letter_at_all_is_an_outage_that_readiness_tells(made):
    class Forbidden(Broker):
        async def publish(self, records) -> None:
            raise Unpublishable("not ours to write")

    letters = DeadLetters(Forbidden(), service="registry", clock=HeldClock())
    with pytest.raises(BusUnavailable):
        await letters.bury(made(), code="bad-json", message="why", attempts=1)
    with pytest.raises(BusUnavailable, match="Unpublishable: not ours"):
        await letters.check()

    letters._publisher = Broker()
    await letters.bury(made(), code="bad-json", message="why", attempts=1)
    await letters.check()


async def test_a_topic_that_refuses_for_a_moment_gets_the_whole_letter_afterwards(made):
    class Moody(Broker):
        async def publish(self, records) -> None:
            if self.asked == 0:
                self.asked += 1
                raise TopicForbidden("ml.registry.dlq")
            await super().publish(records)

    broker = Moody()
    letters = DeadLetters(broker, service="registry", clock=HeldClock())
    with pytest.raises(BusUnavailable):
        await letters.bury(made(b"whole"), code="bad-json", message="why", attempts=1)
    assert broker.kept == []

    await letters.bury(made(b"whole"), code="bad-json", message="why", attempts=1)
    assert [each.value for each in broker.kept] == [b"whole"]


async def test_a_message_and_an_actor_of_any_letters_fit(made):
    worst = made(b"v" * MB, key=b"k" * MB, headers={"x": b"h" * MB})
    letter, headers = await buried(worst, message="\udcff" * 5000, actor="a" * 4096, broker=Broker())

    assert len(headers["dlq-error-message"]) == 2000 * len("\\udcff")
    assert letter.value == b"v" * MB


@pytest.mark.parametrize(
    "options",
    [
        {"headers": {"Authorization": f"Bearer {OPAQUE}".encode()}},
        {"headers": {"ce_authorization": OPAQUE.encode()}},
        {"headers": {"x-forwarded": f"by Bearer {OPAQUE}".encode()}},
        {"headers": {JWT: b"1"}},
        {"headers": {"dpop": JWT.encode()}},
        {"headers": {"ce_id": JWT.encode()}},
        {"key": JWT.encode()},
        {"value": json.dumps({"id": "1", "AUTHORIZATION": f"Bearer {OPAQUE}"}).encode()},
        {"value": json.dumps({"data": [{"deep": f"it is {JWT}"}]}).encode()},
        {"value": b'{"broken": "Bearer ' + OPAQUE.encode()},
        {"value": b"\xff\x00 " + JWT.encode() + b"\xfe"},
    ],
)
async def test_a_token_is_in_no_part_of_it_nor_in_a_log(made, options):
    with capture_logs() as said:
        letter, headers = await buried(made(**options), message=f"RuntimeError: can't take {JWT}, Bearer {OPAQUE}")

    whole = f"{letter.key} {letter.value} {letter.headers} {said}"
    assert OPAQUE not in whole
    assert JWT not in whole
    assert headers["dlq-redacted"] == b"true"
