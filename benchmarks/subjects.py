"""What the benchmarks ask about: models and deployments of their own, made again at no cost."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from itertools import count, cycle
from typing import Any, Final
from uuid import uuid4

import numpy as np
import obstore
import onnx
import pyarrow as pa
import pyarrow.parquet as pq
from onnx import TensorProto, helper, numpy_helper

from examples.grocery.bus import Bus
from examples.grocery.events import Message
from examples.grocery.objects import Buckets
from examples.grocery.stack import Stack

_ARTIFACT: Final = "s3://models/incoming/benchmarks/linear.onnx"
_DATASET_ID: Final = "bench-rows"
_DATASET: Final = "s3://datasets/benchmarks/rows.parquet"
_ROWS: Final = 1000
_FEATURES: Final = ("f0", "f1", "f2", "f3")
_SIGNATURE: Final = {
    "inputs": [{"name": name, "type": "float", "required": True} for name in _FEATURES],
    "outputs": [{"name": "score", "type": "float", "required": True}],
    "params": [],
}


async def make_models(stack: Stack, number: int) -> list[str]:
    """Register so many models, or match them with what they already are; their ids."""
    store, key = Buckets(stack.objects).at(_ARTIFACT)
    await obstore.put_async(store, key, _linear())
    ids = [f"bench-{each:03d}" for each in range(number)]
    async with Bus(stack.kafka) as bus:
        await asyncio.gather(*(_register(bus, each) for each in ids))
    return ids


async def make_deployments(stack: Stack, model_ids: list[str]) -> list[str]:
    """Deploy each model under its own id, active, on a thousand rows; the deployments' ids."""
    store, key = Buckets(stack.objects).at(_DATASET)
    await obstore.put_async(store, key, _rows())
    async with Bus(stack.kafka) as bus:
        rows = {"uri": _DATASET, "format": "parquet"}
        described = {"dataset_id": _DATASET_ID, "name": "Rows of benchmarks", "markets": ["*"], "brands": []}
        dataset = request("DatasetRegistrationRequested", _DATASET_ID, {**described, **rows})
        await bus.ask(dataset, answers={"DatasetRegistered"})
        await asyncio.gather(*(_deploy(bus, each, rows) for each in model_ids))
    return model_ids


def updates(model_ids: list[str]) -> Iterator[Message]:
    """Updates without end, of one model after another."""
    run = uuid4().hex
    for number, model_id in zip(count(), cycle(model_ids), strict=False):
        change = {"model_id": model_id, "description": f"Update {number} of the run {run}."}
        yield request("ModelUpdateRequested", model_id, change)


def changes(deployment_ids: list[str]) -> Iterator[Message]:
    """Pause each deployment in turn, then resume each, and so on without end."""
    for action in cycle(("pause", "resume")):
        for deployment_id in deployment_ids:
            change = {"deployment_id": deployment_id, "action": action}
            yield request("DeploymentChangeRequested", deployment_id, change)


def mixed(*kinds: Iterator[Message]) -> Iterator[Message]:
    """One of each kind in turn."""
    for each in cycle(kinds):
        yield next(each)


def execution(deployment_id: str) -> Message:
    """A thousand rows to be scored."""
    execution_id = str(uuid4())
    wanted = {"execution_id": execution_id, "deployment_id": deployment_id, "trigger": "manual"}
    return request("ExecutionRequested", execution_id, wanted)


def observation(model_id: str) -> Message:
    """Ten figures about a model; nothing answers it."""
    now = datetime.now(UTC).isoformat()
    points = [{"metric": f"bench.figure-{number}", "time": now, "value": number} for number in range(10)]
    body = {"model_id": model_id, "points": points}
    return Message("ml.metric.observations", "MetricsObserved", model_id, body, correlation_id=str(uuid4()))


def request(name: str, subject: str, data: dict[str, Any]) -> Message:
    # An execution names its deployment, and a deployment its model: what it is about comes first.
    kind = next(each for each in ("execution", "deployment", "dataset", "model") if f"{each}_id" in data)
    return Message(f"ml.{kind}.requests", name, subject, data, correlation_id=str(uuid4()))


async def _register(bus: Bus, model_id: str) -> None:
    described = {
        "model_id": model_id,
        "name": "Benchmark",
        "description": "Registered by a benchmark; its description changes all the time.",
        "function": "other",
        "owner": "benchmarks",
        "markets": ["*"],
        "brands": [],
        "format": "onnx",
        "artifact": {"uri": _ARTIFACT},
        "signature": _SIGNATURE,
    }
    registration = request("ModelRegistrationRequested", model_id, described)
    await bus.ask(registration, answers={"ModelRegistered", "ModelRegistrationMatched"})


async def _deploy(bus: Bus, model_id: str, rows: dict[str, str]) -> None:
    described = {
        "deployment_id": model_id,
        "name": "Benchmark",
        "model_id": model_id,
        "version": 1,
        "market": "*",
        "input": rows,
    }
    await bus.ask(request("DeploymentRequested", model_id, described), answers={"DeploymentActivated"})


def _linear() -> bytes:
    """The sum of four columns, as an ONNX file."""
    node = helper.make_node("MatMul", ["rows", "weights"], ["score"])
    rows = helper.make_tensor_value_info("rows", TensorProto.FLOAT, [None, len(_FEATURES)])
    score = helper.make_tensor_value_info("score", TensorProto.FLOAT, [None, 1])
    weights = numpy_helper.from_array(np.ones((len(_FEATURES), 1), np.float32), "weights")
    graph = helper.make_graph([node], "linear", [rows], [score], [weights])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def _rows() -> bytes:
    columns = np.random.default_rng(0).normal(size=(len(_FEATURES), _ROWS)).astype(np.float32)
    buffer = BytesIO()
    pq.write_table(pa.table(dict(zip(_FEATURES, columns, strict=True))), buffer)
    return buffer.getvalue()
