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
