"""Tables of small whole numbers, whose weighed sum shows which column went where."""

import numpy as np
import pyarrow as pa

from chassis.sandbox.child import formats
from chassis.sandbox.child.formats import Source
from tests.models.harness import columns, scored
from tests.models.onnx_graphs import saved

RANDOM = np.random.default_rng(11)


def rows(count, names="abcd"):
    return pa.table({name: RANDOM.integers(0, 9, count).astype(np.float32) for name in names})


def doubles(names):
    return columns(**dict.fromkeys(names, "double"))


def known_as(path, names):
    source = Source(path, None, doubles(names))
    formats.find("onnx").load(source)
    return source.known_as


def total(data, names):
    """The sum that `adding` and `weighing` make of columns in this order."""
    return sum(10**place * data[name].to_numpy() for place, name in enumerate(names))


def refused(tmp_path, graph, inputs, data=None):
    result = scored("onnx", saved(tmp_path, graph), inputs=inputs, data=data or rows(3, [each.name for each in inputs]))
    assert result.refused is not None, result.predictions
    return f"{result.refused.code}: {result.refused.message}"
