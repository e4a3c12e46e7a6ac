"""What a registry's refusal says of a failure that isn't the sender's, and what is left to its log."""

from types import SimpleNamespace

import pytest
from structlog.testing import capture_logs

from chassis.clock import SystemClock
from chassis.errors import ObjectsUnavailable, Outage, Refusal
from chassis.sandbox.errors import SandboxUnavailable
from chassis.sandbox.settings import SandboxSettings
from schemas.models import ModelRegistrationRequested
from schemas.topics import MODEL_REQUESTS
from services.registry import inspection, worker
from services.registry.slots import Slots
from services.registry.tabular.content import Contents
from services.registry.worker import Desk, Worker
from tests.odd_errors import ODD, SECRET
from tests.unit.registry.fakes import FakeObjects, delivery
from tests.unit.registry.requests import registration


class Refuser:
    def __init__(self):
        self.refusals = []

    async def refuse(self, delivery, message, refusal, topic):
        self.refusals.append(refusal)

    async def has_refused(self, request_key):
        return False


@pytest.fixture
def refuser():
    return Refuser()


@pytest.fixture
def make_desk(refuser):
    async def never(*_):
        return False

    async def well():
        return None

    def make(answer):
        return Desk(
            answers={ModelRegistrationRequested: answer},
            answered={MODEL_REQUESTS.name: never},
            refuser=refuser,
            probe=well,
        )

    return make


@pytest.fixture
def accepted():
    return SimpleNamespace(event=registration(), subject="demand")


@pytest.mark.parametrize("error", ODD.values(), ids=ODD)
async def test_what_nobody_foresaw_is_refused_without_its_words(make_desk, refuser, accepted, monkeypatch, error):
    async def fail(event, delivery):
        raise error

    monkeypatch.setattr(worker, "against_poison", lambda work, probe: work())
    with capture_logs() as logs:
        await make_desk(fail).settle(accepted, delivery())

    [refusal] = refuser.refusals
    assert refusal.code == "registration-failed"
    assert SECRET not in refusal.message
    assert [line["exc_info"] for line in logs if line["event"] == "registration_failed"] == [True]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ObjectsUnavailable("InternalError at s3://models/incoming/x"), "InternalError at s3://models/incoming/x"),
        (Outage("bus-unavailable: no answer from hidden.example:9092"), "no answer from [address]"),
        (Outage(str(ODD["a file"])), "artifact"),
    ],
)
async def test_what_kept_failing_is_named_without_its_place(make_desk, refuser, accepted, error, said):
    class Registrations:
        collection = None

        async def remove(self, accepted, lease):
            return

    slots = Slots(1, freed=lambda: None)
    giving_up = Worker(
        Registrations(), make_desk(None), clock=SystemClock(), owner="one", lease_s=1, slots=slots, max_attempts=1
    )
    with capture_logs() as logs:
        await giving_up._give_up(accepted, delivery(), SimpleNamespace(), error)

    [refusal] = refuser.refusals
    assert (refusal.code, said in refusal.message, SECRET in refusal.message) == ("registration-failed", True, False)
    assert [line["reason"] for line in logs if line["event"] == "registration_failed"] == [str(error)]


UNAVAILABLE = SandboxUnavailable("nothing can be held here", detail="/srv/hidden/python: not found")


def unavailable(*_):
    raise UNAVAILABLE


async def _a_model(monkeypatch, tmp_path):
    monkeypatch.setattr(inspection, "ChildProcess", unavailable)
    await inspection.Inspections(SandboxSettings(), 5)(tmp_path, registration())


async def _a_data_set(monkeypatch, tmp_path):
    objects = FakeObjects()
    objects["s3://datasets/sales/a.csv"] = b"a,b\n1,2\n"
    await Contents(objects, 10, unavailable).read("s3://datasets/sales/", "csv")


@pytest.mark.parametrize("look_at", [_a_model, _a_data_set])
async def test_why_nothing_can_be_looked_at_stands_in_the_log(monkeypatch, tmp_path, look_at):
    with capture_logs() as logs, pytest.raises(Refusal) as raised:
        await look_at(monkeypatch, tmp_path)

    assert (raised.value.code, raised.value.message) == ("sandbox-unavailable", str(UNAVAILABLE))
    assert [line["detail"] for line in logs if line["event"] == "sandbox_unavailable"] == [UNAVAILABLE.detail]
