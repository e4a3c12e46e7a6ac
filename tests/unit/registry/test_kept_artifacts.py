"""The registry's copies, inspected again: the very bytes that were registered, or none."""

import os

import pytest

from chassis.errors import ObjectsUnavailable
from schemas.models import InputBinding
from services.registry.artifacts import Artifacts, Limits
from services.registry.kept_artifacts import CopyUnfound, KeptArtifacts
from services.registry.refusals import ModelUnsupported
from tests.unit.executor.requests import registered
from tests.unit.registry.fakes import FakeObjects, relied_on
from tests.unit.registry.requests import registration
from tests.unit.registry.samples import PICKLE

BOUND = (InputBinding(name="x", known_as="#1"),)
FILE, FOLDER = {"m.pkl": PICKLE}, {"d/a.py": b"x = 1", "d/b/c.py": b"y = 2"}


class World:
    """A version of these files as the registry took it, and an inspection that remembers what it was shown."""

    def __init__(self, folder):
        self.objects, self.folder, self.shown = FakeObjects(), folder, {}
        self.refusal = None

    async def take(self, files):
        for path, data in files.items():
            self.objects[f"s3://models/incoming/x/{path}"] = data
        first = next(iter(files)).split("/")[0]
        artifacts = Artifacts(self.objects, Limits(10**6, 10), self.inspect, self.folder)
        taken = await artifacts.take(registration(artifact={"uri": f"s3://models/incoming/x/{first}"}), relied_on)
        self.shown = {}
        return registered(artifact=taken.artifact)

    async def inspect(self, path, said):
        files = [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]
        self.shown = {each.name: each.read_bytes() for each in files}
        if self.refusal is not None:
            raise self.refusal
        return BOUND

    async def again(self, version, *, max_objects=10):
        try:
            return await KeptArtifacts(self.objects, max_objects, self.inspect, self.folder).inspect_again(version)
        finally:
            assert os.listdir(self.folder) == []  # noqa: PTH208 - nothing blocks here


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


@pytest.mark.parametrize("files", [FILE, FOLDER], ids=["file", "folder"])
async def test_the_bytes_that_were_registered_are_inspected_and_nothing_is_written(world, files):
    version = await world.take(files)
    before = list(world.objects.writes)
    assert await world.again(version) == BOUND
    assert world.shown == {path.rpartition("/")[2]: data for path, data in files.items()}
    assert world.objects.writes == before


@pytest.mark.parametrize("files", [FILE, FOLDER], ids=["file", "folder"])
async def test_other_bytes_are_not_inspected(world, files):
    version = await world.take(files)
    where = next(uri for uri in world.objects.bytes if "/sha256/" in uri)
    world.objects[where] = b"other"
    with pytest.raises(CopyUnfound):
        await world.again(version)
    assert world.shown == {}


async def test_a_copy_with_one_file_more_or_none_is_not_inspected(world):
    version = await world.take(FOLDER)
    world.objects[f"{version.artifact.uri}more.py"] = b"z = 3"
    with pytest.raises(CopyUnfound):
        await world.again(version)
    with pytest.raises(CopyUnfound):
        await world.again(version, max_objects=2)
    for uri in [each for each in world.objects.bytes if "/sha256/" in each]:
        del world.objects.bytes[uri]
    with pytest.raises(CopyUnfound):
        await world.again(version)
    assert world.shown == {}


async def test_what_the_inspection_refuses_is_refused_and_what_is_away_is_no_refusal(world):
    version = await world.take(FILE)
    world.refusal = ModelUnsupported("no")
    with pytest.raises(ModelUnsupported):
        await world.again(version)
    world.objects.broken["s3://models/sha256/"] = ObjectsUnavailable("away")
    with pytest.raises(ObjectsUnavailable):
        await world.again(version)
