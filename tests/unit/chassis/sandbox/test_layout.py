"""What is said of an input that a model can't be scored on: the object, the column, and what the model requires."""

import numpy as np
import pyarrow as pa
import pytest

from chassis.sandbox.child.chunk import ChunkUnreadable
from chassis.sandbox.child.conversion import Column
from chassis.sandbox.child.layout import InputUnfit, Layout, Wanted, make_layout
from chassis.sandbox.child.output_rows import in_layout
from chassis.sandbox.child.outputs import PredictionShape, to_table
from chassis.sandbox.child.parts import type_change
from chassis.sandbox.errors import ChildFailed

PRICE = Column("price", "double")


def wanted(keep=None, outputs=()):
    return Wanted("model demand version 3", "s3://datasets/x/", (PRICE,), tuple(outputs), keep)


def failure(*arguments):
    with pytest.raises(InputUnfit) as caught:
        make_layout(*arguments)
    return str(caught.value)


def test_a_missing_input_is_named_with_its_object_and_what_the_model_requires():
    message = failure(wanted(), [("x/1.parquet", pa.schema([("id", pa.int64())]))])
    assert message == "x/1.parquet has no column price (model demand version 3 requires it as double)"


def test_a_missing_column_that_is_to_be_kept_is_said_to_be_that():
    message = failure(wanted(keep=("shop",)), [("x/1.parquet", pa.schema([("price", pa.float64())]))])
    assert message == "s3://datasets/x/ has no column shop (which is to be kept)"


def test_objects_that_do_not_agree_are_named_with_the_column():
    schemas = [
        ("x/1.parquet", pa.schema([("price", pa.float64()), ("id", pa.int64())])),
        ("x/2.parquet", pa.schema([("price", pa.float64()), ("id", pa.int64())])),
        ("x/3.parquet", pa.schema([("price", pa.float64()), ("id", pa.binary())])),
    ]
    message = failure(wanted(), schemas)
    assert message.startswith("x/3.parquet and the objects before it, such as x/1.parquet, don't agree: ")
    assert "id" in message


def test_a_layout_travels_as_bytes():
    layout = make_layout(wanted(), [("x", pa.schema([("price", pa.float64()), ("où", pa.string())]))])
    assert Layout.from_bytes(layout.to_bytes()) == layout


def test_an_output_of_another_type_is_named_with_the_type_that_the_signature_has():
    with pytest.raises(PredictionShape, match="the output units is of type long in the signature, and the model gives"):
        to_table(np.array(["many"]), [Column("units", "long")], 1)


def test_an_output_whose_type_changes_is_named_with_both():
    before, after = (
        pa.schema([("id", pa.int64()), ("p", pa.float64())]),
        pa.schema([("id", pa.int64()), ("p", pa.string())]),
    )
    assert type_change(before, after) == (
        "the model's output p is of type double for some rows and string for others:"
        " declare its type in the signature's outputs"
    )


def test_a_column_that_cannot_be_read_as_its_layout_says_is_named():
    batch = pa.record_batch({"shop": ["north"]})
    with pytest.raises(ChunkUnreadable, match="the column shop can't be read as int64"):
        in_layout(batch, pa.schema([("shop", pa.int64())]))


@pytest.mark.parametrize("code", ["no-such-code", None, 7])
def test_a_code_that_a_child_may_not_say_becomes_the_models_failure(code):
    assert ChildFailed({"code": code, "message": "x"}).code == "model-failed"
