"""A file that keeps its reader waiting holds a slot for a while, and is refused then."""

import time

import pytest

from services.registry.refusals import DatasetUnreadable
from services.registry.tabular.content import Contents
from services.registry.tabular.description import sandboxed
from tests.unit.registry.fakes import FakeObjects
from tests.unit.sleeping import is_gone, sleeping

URI = "s3://datasets/sales/"


async def test_a_reader_that_never_answers_is_ended_and_the_data_set_refused(tmp_path):
    objects = FakeObjects()
    objects[f"{URI}a.csv"] = b"a,b\n1,2\n"
    began = time.monotonic()
    with pytest.raises(DatasetUnreadable, match=r"a\.csv: .* ended \(it took longer than .* \(MLP_SANDBOX_LOOK_S\)"):
        await Contents(objects, 10, sandboxed(sleeping(tmp_path, look_s=0.5))).read(URI, "csv")
    assert time.monotonic() - began < 10
    assert is_gone(tmp_path)
