"""What a store's answers mean, over all that there are."""

import pytest

from chassis.object_errors import Answer, Meaning
from tests.unit.chassis.s3_codes import PASSING, S3_CODES


@pytest.mark.parametrize(("status", "code"), S3_CODES)
def test_only_what_passes_by_itself_is_an_outage_by_its_kind(status, code):
    assert (Answer(status, code).meaning is Meaning.AWAY) == (code in PASSING)


@pytest.mark.parametrize("status", range(300, 600))
def test_an_answer_without_a_code_is_judged_by_its_status(status):
    passing = status in {307, 408, 425, 429} or (status >= 500 and status != 501)
    assert (Answer(status).meaning is Meaning.AWAY) == passing
    assert str(Answer(status)) == f"HTTP {status}"


def test_no_answer_at_all_is_an_outage():
    assert Answer(None).meaning is Meaning.AWAY


@pytest.mark.parametrize(
    ("meaning", "answers"),
    [
        (Meaning.MISSING, [(404, "NoSuchKey"), (404, "NoSuchVersion"), (404, None), (410, None)]),
        (Meaning.CHANGED, [(412, "PreconditionFailed"), (412, None), (416, "InvalidRange"), (416, None)]),
        (Meaning.FORBIDDEN, [(403, "AccessDenied"), (403, None), (401, None), (403, "InvalidAccessKeyId")]),
        (Meaning.FORBIDDEN, [(404, "NoSuchBucket"), (400, "ExpiredToken"), (403, "NeverHeardOf")]),
        (Meaning.UNFIT, [(403, "InvalidObjectState"), (400, "KMS.DisabledException"), (400, "InvalidArgument")]),
        (Meaning.UNFIT, [(405, "MethodNotAllowed"), (501, "NotImplemented"), (400, None), (411, None), (301, None)]),
    ],
)
def test_what_else_there_is_is_told_apart(meaning, answers):
    assert {Answer(*each).meaning for each in answers} == {meaning}


def test_what_is_archived_says_so_and_a_strange_code_is_not_passed_on():
    assert str(Answer(403, "InvalidObjectState")) == "InvalidObjectState: it is archived and has to be restored first"
    assert str(Answer(403, "<b>\n" * 100)) == "HTTP 403"
    assert str(Answer(None)) == "no answer"
