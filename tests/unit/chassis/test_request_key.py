"""What duplicates are known by: who sent a request, from where and under which id, and nothing else."""

from hypothesis import given
from hypothesis import strategies as st

from chassis.bus.request_key import RequestKey

attributes = st.text(max_size=20)
triples = st.tuples(attributes, attributes, attributes)


def key(client, source, request_id) -> RequestKey:
    return RequestKey.of(client=client, source=source, request_id=request_id)


@given(triples, triples)
def test_two_requests_have_one_key_if_they_are_the_same_and_only_then(one, other):
    assert (key(*one) == key(*other)) is (one == other)
    assert (key(*one).text == key(*other).text) is (one == other)


def test_where_the_source_ends_and_the_id_begins_is_part_of_the_key():
    one, other = key("anonymous", "/upstream/a", "b/U"), key("anonymous", "/upstream/a/b", "U")

    assert one.text != other.text
    assert one.former == other.former == "/upstream/a/b/U"


def test_keys_of_before_are_read_as_an_anonymous_clients_alone():
    assert key("anonymous", "/upstream/erp", "1").forms[1:] == ("/upstream/erp/1",)
    assert len(key("svc-upstream", "/upstream/erp", "1").forms) == 1


def test_a_key_has_one_length_whatever_it_is_made_of():
    assert {len(key("c", "s" * length, "i" * length).text) for length in (1, 255)} == {64}
