import pytest

from chassis.bus.admission import admit, read_message
from chassis.errors import SubjectMismatch
from schemas.topics import MODEL_REQUESTS

from .conftest import promotion, record


async def test_a_subject_that_is_said_in_two_ways_is_told_with_all_places_where_it_stands(clock):
    other = record(promotion(), clock, key=b"other")

    with pytest.raises(SubjectMismatch, match="must be the same") as refused:
        admit(read_message(other, MODEL_REQUESTS), other, MODEL_REQUESTS, clock)

    assert all(each in refused.value.message for each in ("key ('other')", "ce_subject", "body ('demand')"))
