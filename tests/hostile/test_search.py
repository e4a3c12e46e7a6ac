"""The corpus' own eyes: what it says of nobody, it would say of somebody who did it."""

import random
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.hostile.canaries import Canary, holds
from tests.hostile.code import trying
from tests.hostile.run import Outside

CANARY = Canary.new(random.Random(5))

# Of a file whose child indexes point behind its leaves, the library gives what lies there as predictions.
READS_ITS_MEMORY = """
import sys
import lightgbm, numpy as np
from tests.hostile.canaries import Canary
canary = Canary(sys.argv[1].encode())
rows = np.random.default_rng(1).normal(size=(200, 3))
quiet = {"verbose": -1, "num_threads": 1, "num_leaves": 4}
text = lightgbm.train(quiet, lightgbm.Dataset(rows, rows[:, 0]), 1).model_to_string()
line = next(each for each in text.splitlines() if each.startswith("left_child="))
held = [bytearray(canary.word * (1 << 21)) for _ in range(8)]
seen = b""
for away in range(1, 6):
    hostile = "left_child=" + " ".join([str(-(away << 22))] * 3)
    right = next(each for each in text.splitlines() if each.startswith("right_child="))
    changed = text.replace(line, hostile).replace(right, hostile.replace("left", "right"))
    size = next(each for each in text.splitlines() if each.startswith("tree_sizes="))
    grown = int(size.partition("=")[2]) + len(changed) - len(text)
    changed = changed.replace(size, f"tree_sizes={grown}")
    if len(sys.argv) > 2:
        from chassis.sandbox.child.lightgbm_text import read
        read(changed.encode())
    seen = lightgbm.Booster(model_str=changed).predict(rows[:2], num_threads=1).tobytes()
    if any(each in seen for each in canary.rotations(8)):
        sys.exit("read")
    print(away, seen, file=sys.stderr, flush=True)
"""


def parquet(values: pa.Array) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"prediction": values}), sink)
    return sink.getvalue().to_pybytes()


@pytest.mark.parametrize("shift", range(8))
def test_a_single_number_of_foreign_memory_is_seen(shift):
    word = (CANARY.word * 2)[shift : shift + 8]
    wide = np.array([1.0, np.frombuffer(word, np.float64)[0], 2.0])
    narrow = np.array([1.0, np.frombuffer(word[:4], np.float32)[0]], np.float64)
    assert holds([parquet(pa.array(wide))], "", [CANARY])
    assert holds([parquet(pa.array(narrow))], "", [CANARY])


def test_a_secret_in_a_text_is_seen_and_other_numbers_are_not():
    texts = pa.array(["x", f"the key is {CANARY.text}"])
    assert holds([parquet(texts)], "", [CANARY])
    assert holds([], f"key={CANARY.text}", [CANARY])
    assert not holds([parquet(pa.array(np.random.default_rng(1).normal(size=10_000)))], "nothing", [CANARY])


def read_by_a_process_that_holds_it(*arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-c", READS_ITS_MEMORY, CANARY.word.decode(), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_hostile_code_is_seen_where_nothing_holds_it(tmp_path):
    outside = Outside(tmp_path / "outside", CANARY)
    try:
        assert not outside.touched()
        targets = {**outside.targets, "secrets": [str(tmp_path / "outside" / "secret")]}
        # Its parent, which it ends, is a shell.
        command = ["sh", "-c", '"$@"; true', "sh", sys.executable, "-c", trying(**targets)]
        said = subprocess.run(command, capture_output=True, text=True, check=False)
        assert outside.touched()
        assert holds([], said.stdout, [CANARY])
    finally:
        outside.close()


def test_the_library_by_itself_gives_the_memory_of_its_process_away():
    unsafe = read_by_a_process_that_holds_it()
    assert "read" in unsafe.stderr or unsafe.returncode < 0, unsafe


def test_a_file_that_points_behind_its_leaves_is_refused_before_it_reads_there():
    refused = read_by_a_process_that_holds_it("looked at first")
    assert "UnreadableModel" in refused.stderr
