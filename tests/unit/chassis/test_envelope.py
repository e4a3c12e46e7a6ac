import contextlib
import json

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event
from hypothesis import given
from hypothesis import strategies as st

from chassis.bus.envelope import Envelope, read
from chassis.errors import Unreadable

FULL = Envelope(
    id="1", source="/services/registry", type="ml.ModelRegistered.v1", subject="demand", time="2026-03-03T12:00:00Z",
    sequence=4, correlation_id="c", causation_id="d", traceparent="00-" + "a" * 32 + "-" + "b" * 16 + "-01",
)  # fmt: skip


def test_what_is_written_in_binary_mode_is_read_again():
    message = read(FULL.headers(), b'{"model_id": "demand"}')

    assert message.envelope == FULL
    assert message.data == {"model_id": "demand"}


def test_the_public_sdk_reads_what_we_write():
    event = from_binary_event(KafkaMessage(dict(FULL.headers()), b"demand", b'{"model_id": "demand"}'))

    assert event.get_id() == "1"
    assert event.get_type() == "ml.ModelRegistered.v1"
    assert event.get_extension("sequence") == "4"
    assert event.get_data() == {"model_id": "demand"}


def test_structured_mode_is_read_like_binary_mode():
    body = {
        "specversion": "1.0", "id": "1", "source": "/upstream/erp", "type": "ml.X.v1", "subject": "demand",
        "correlationid": "c", "datacontenttype": "application/json", "data": {"a": 1},
    }  # fmt: skip
    message = read([("content-type", b"application/cloudevents+json; charset=UTF-8")], json.dumps(body).encode())

    assert (message.envelope.source, message.envelope.id) == ("/upstream/erp", "1")
    assert message.envelope.correlation_id == "c"
    assert message.data == {"a": 1}


@pytest.mark.parametrize(
    ("headers", "value", "code"),
    [
        (FULL.headers(), None, "empty"),
        (FULL.headers(), b"\xff\xfe\x00", "bad-json"),
        (FULL.headers(), b'{"a": NaN}', "bad-json"),
        (FULL.headers(), b"[" * 100_000, "bad-json"),
        (FULL.headers(), b"[1]", "not-an-object"),
        ((("ce_id", b"\xff"),), b"{}", "bad-headers"),
        ((("ce_id", b"1"),), b"{}", "missing-attributes"),
        ((*FULL.headers(), ("ce_subject", b"x" * 300)), b"{}", "bad-attributes"),
        ((("content-type", b"application/cloudevents+json"),), b'{"id": "1"}', "not-an-object"),
    ],
)
def test_what_cannot_be_read_says_why(headers, value, code):
    with pytest.raises(Unreadable) as caught:
        read(headers, value)

    assert caught.value.code == code


@given(st.lists(st.tuples(st.text(), st.binary())), st.one_of(st.none(), st.binary()))
def test_no_bytes_raise_anything_but_unreadable(headers, value):
    with contextlib.suppress(Unreadable):
        read(headers, value)


OURS = ("specversion", "id", "source", "type", "subject", "time", "sequence", "correlationid", "causationid")
GOOD = {"specversion": "1.0", "id": "1", "source": "/upstream/erp", "type": "ml.X.v1", "subject": "demand"}
STRUCTURED = ("content-type", b"application/cloudevents+json")
TRACES = ("traceparent", "tracestate", "baggage", "b3", "uber-trace-id", "x-datadog-trace-id", "x-amzn-trace-id")


def binary(**changes: bytes) -> list[tuple[str, bytes]]:
    attributes = {name: text.encode() for name, text in GOOD.items()} | changes
    return [(f"ce_{name}", value) for name, value in attributes.items()]


def structured(**changes) -> bytes:
    return json.dumps({**GOOD, **changes, "data": {"a": 1}}).encode()


names_of_others = st.text().filter(lambda name: name.lower() not in {"content-type", *(f"ce_{each}" for each in OURS)})
odd_names = st.binary(min_size=1).map(lambda raw: f"x-\udcff{raw.decode(errors='surrogateescape')}")
anything = st.binary() | st.binary().map(lambda part: part * 1000) | st.text(min_size=256).map(str.encode)


@given(st.lists(st.tuples(names_of_others | odd_names | st.sampled_from(TRACES), anything)), st.booleans())
def test_a_header_that_is_not_ours_is_ignored_whatever_it_is(others, first):
    for ours, value in ((binary(), b'{"a": 1}'), ([STRUCTURED], structured())):
        message = read([*others, *ours] if first else [*ours, *others], value)

        assert (message.envelope.id, message.envelope.subject, message.data) == ("1", "demand", {"a": 1})


@given(
    st.dictionaries(
        st.text(st.characters()).filter(lambda name: name not in {*OURS, "data"}),
        st.text(st.characters(), min_size=250)
        | st.text(st.characters())
        | st.integers()
        | st.lists(st.booleans())
        | st.none(),
    )
)
def test_an_attribute_that_is_not_ours_is_ignored_whatever_it_is(others):
    message = read([STRUCTURED], structured(**others, authorization="Bearer " + "x" * 300, Authorization=5))

    assert (message.envelope.id, message.data) == ("1", {"a": 1})


@pytest.mark.parametrize("name", OURS)
def test_an_attribute_of_ours_that_is_broken_is_told_as_ever(name):
    def code(headers, value=b'{"a": 1}'):
        with pytest.raises(Unreadable) as caught:
            read(headers, value)
        return caught.value.code

    assert code(binary(**{name: b"\xff"})) == "bad-headers"
    assert code([(f"CE_{name.upper()}", b"\xff"), *binary()]) == "bad-headers"
    assert code(binary(**{name: b"x" * 256})) == "bad-attributes"
    assert code([STRUCTURED], structured(**{name: "x" * 256})) == "bad-attributes"
    assert code([STRUCTURED], structured(**{name: "\ud800"})) == "bad-attributes"
    assert code([STRUCTURED, (f"ce_{name}", b"\xff")], structured()) == "bad-headers"


def test_a_content_type_that_is_not_unicode_is_told_as_ever():
    with pytest.raises(Unreadable) as caught:
        read([*binary(), ("content-type", b"\xff")], b"{}")
    assert caught.value.code == "bad-headers"


@pytest.mark.parametrize("trace", [b"\xff\x00", b"x" * 256, "é".encode(), b"00-\n", b""])
def test_a_trace_that_cannot_be_gone_on_with_begins_anew(trace):
    assert read([*binary(), ("traceparent", trace)], b"{}").envelope.traceparent is None


def test_an_actor_of_four_kilobytes_is_no_broken_attribute():
    assert read(binary(actor=b"x" * 4096), b"{}").envelope.id == "1"
