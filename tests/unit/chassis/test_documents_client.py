import pytest
from pymongo.errors import BulkWriteError, CursorNotFound, OperationFailure

from chassis.documents.client import translated
from chassis.errors import DocumentsUnavailable


@pytest.mark.parametrize(
    "error",
    [
        CursorNotFound("the server was started anew"),
        BulkWriteError({"writeErrors": [], "writeConcernErrors": [{"code": 64, "errmsg": "waiting for replication"}]}),
    ],
    ids=["cursor", "write concern of a bulk"],
)
def test_what_waiting_cures_is_an_outage(error):
    with pytest.raises(DocumentsUnavailable), translated():
        raise error


@pytest.mark.parametrize("error", [OperationFailure("no"), BulkWriteError({"writeErrors": [{"code": 10334}]})])
def test_what_the_store_will_not_do_is_no_outage(error):
    with pytest.raises(type(error)), translated():
        raise error
