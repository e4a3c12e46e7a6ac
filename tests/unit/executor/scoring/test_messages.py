"""What an error says: the object, the column, and what the model requires."""

import numpy as np
import pyarrow as pa
import pytest

from chassis.sandbox.child.chunk import ArrowChunk
from chassis.sandbox.child.conversion import REJECTIONS, Column
from chassis.sandbox.child.outputs import PredictionShape, to_table
from chassis.sandbox.child.scoring import Scored
from chassis.sandbox.errors import ChildFailed
from schemas.signature import Signature, SignatureField
from services.executor.scoring.assembly import accepted_rows
from services.executor.scoring.errors import ScoringError
from services.executor.scoring.job import InputObject, ModelArtifact, ScoringInput, ScoringJob
from services.executor.scoring.layout import Layout, make_layout
from services.executor.scoring.reading import LoadedChunk
from services.executor.scoring.writing import type_change


def job(**said):
    inputs = (SignatureField(name="price", type="double", required=True),)
    model = ModelArtifact(
        id="demand",
        version=3,
        format="onnx",
        uri="s3://models/sha256/0/m",
        sha256="0",
        signature=Signature(inputs=inputs, outputs=(), params=()),
    )
    input_ = ScoringInput(uri="s3://datasets/x/", format="parquet", objects=())
    return ScoringJob(
        execution_id="e",
        attempt=1,
        deployment_id="d",
        model=model,
        input=input_,
        output_prefix="s3://results/d/e/attempt-1/",
        **said,
    )


def failure(call, *arguments):
    with pytest.raises(ScoringError) as caught:
        call(*arguments)
    return caught.value.message


def test_a_missing_input_is_named_with_its_object_and_what_the_model_requires():
    message = failure(make_layout, job(), [("x/1.parquet", pa.schema([("id", pa.int64())]))])
    assert message == "x/1.parquet has no column price (model demand version 3 requires it as double)"


def test_a_missing_column_that_is_to_be_kept_is_said_to_be_that():
    schema = pa.schema([("price", pa.float64())])
    message = failure(make_layout, job(keep=("shop",)), [("x/1.parquet", schema)])
    assert message == f"{job().input.uri} has no column shop (which is to be kept)"


def test_objects_that_do_not_agree_are_named_with_the_column():
    schemas = [
        ("x/1.parquet", pa.schema([("price", pa.float64()), ("id", pa.int64())])),
        ("x/2.parquet", pa.schema([("price", pa.float64()), ("id", pa.int64())])),
        ("x/3.parquet", pa.schema([("price", pa.float64()), ("id", pa.binary())])),
    ]
    message = failure(make_layout, job(), schemas)
    assert message.startswith("x/3.parquet and the objects before it, such as x/1.parquet, don't agree: ")
    assert "id" in message


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


def test_a_column_that_cannot_be_read_as_its_layout_says_is_named_with_its_object():
    sink = pa.BufferOutputStream()
    table = pa.table({"shop": ["north"]})
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    source = InputObject(key="x/1.parquet", etag="", size_bytes=1)
    loaded = LoadedChunk(ArrowChunk(memoryview(sink.getvalue())), source, 1, lambda row: row)
    scored = Scored(1, pa.table({"prediction": [1.0]}), REJECTIONS.empty_table(), 0.0)
    schema = pa.schema([("shop", pa.int64())])
    message = failure(accepted_rows, loaded, scored, Layout(kept=schema, read=schema))
    assert message.startswith("the column shop can't be read as int64: ")
    assert message.endswith("(x/1.parquet)")


@pytest.mark.parametrize("code", ["worker-lost", "store-unavailable", "x" * 1_000, 7, None])
def test_a_child_has_no_codes_but_its_own(code):
    assert ChildFailed({"code": code, "message": "forged"}).code == "model-failed"
