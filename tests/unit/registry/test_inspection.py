"""What a child says of a model, and a model that takes too long to load."""

import asyncio
import gc
import threading

import pytest

from chassis.sandbox.child.packing import pack_texts
from chassis.sandbox.errors import ChildDied
from chassis.sandbox.settings import SandboxSettings
from schemas.models import ModelRegistrationRequested
from services.registry import inspection
from services.registry.refusals import ArtifactUnreadable, ModelCrashed, ModelNotLoaded


class Stuck:
    """A child that answers nothing until it is killed."""

    def __init__(self, *_) -> None:
        self._killed = threading.Event()

    def ask(self, *_) -> None: ...

    def answer(self):
        self._killed.wait(10)
        raise ChildDied("signal 9", lost=True)

    def kill(self) -> None:
        self._killed.set()

    def close(self) -> None: ...


async def test_a_look_that_takes_too_long_is_refused_and_leaves_no_error_behind(monkeypatch, tmp_path):
    monkeypatch.setattr(inspection, "ChildProcess", Stuck)
    told = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context["message"]))
    request = ModelRegistrationRequested.model_construct(format="python", signature=None, entrypoint=None)
    try:
        with pytest.raises(ModelNotLoaded, match="longer than 0 s"):
            await inspection.Inspections(SandboxSettings(mode="off"), 0.05)(tmp_path, request)
        gc.collect()
        await asyncio.sleep(0)
    finally:
        asyncio.get_running_loop().set_exception_handler(None)
    assert told == []


@pytest.mark.parametrize(("lost", "kind", "children"), [(True, ModelNotLoaded, 2), (False, ModelCrashed, 1)])
async def test_who_was_killed_by_others_is_told_from_who_ended_by_itself(monkeypatch, tmp_path, lost, kind, children):
    begun = []

    class Ended(Stuck):
        def answer(self):
            begun.append(self)
            raise ChildDied("signal 9", lost=lost)

    monkeypatch.setattr(inspection, "ChildProcess", Ended)
    request = ModelRegistrationRequested.model_construct(format="python", signature=None, entrypoint=None)
    with pytest.raises(ModelCrashed) as refused:
        await inspection.Inspections(SandboxSettings(mode="off"), 5)(tmp_path, request)
    assert (type(refused.value), refused.value.code, len(begun)) == (kind, "model-crashed", children)


@pytest.fixture
def answered(monkeypatch, tmp_path):
    async def look(*texts):
        class Answering(Stuck):
            def answer(self):
                return {}, (memoryview(pack_texts(list(texts))),)

        monkeypatch.setattr(inspection, "ChildProcess", Answering)
        request = ModelRegistrationRequested.model_construct(format="python", signature=None, entrypoint=None)
        return await inspection.Inspections(SandboxSettings(mode="off"), 5)(tmp_path, request)

    return look


async def test_what_inputs_are_known_as_comes_in_pairs(answered):
    found = await answered("unit price", "unit_price", "b c", "b_c")

    assert [(each.name, each.known_as) for each in found] == [("unit price", "unit_price"), ("b c", "b_c")]
    assert await answered() == ()


@pytest.mark.parametrize("texts", [("unit price",), ("", "unit_price"), ("a", "x" * 10_000)])
async def test_bindings_that_are_none_are_not_believed(answered, texts):
    with pytest.raises(ArtifactUnreadable, match="no readable answer"):
        await answered(*texts)
