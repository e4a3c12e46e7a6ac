"""A small history as it should be, made by hand, for tests of those who judge histories."""

import hashlib
import json
from typing import Any, Final

from tests.chaos.history import History, Position, Progress, Record, Sent, StoredObject

UPSTREAM: Final = "/upstream/told"
EXECUTION: Final = "0e8dd2f4-9f2e-4c6a-8f0b-000000000001"
_PREFIX: Final = f"d1/{EXECUTION}/attempt-2/"
_MANIFEST_URI: Final = f"s3://results/{_PREFIX}manifest.json"
_OWNERS: Final = {"model": "registry", "dataset": "registry", "deployment": "deployer", "execution": "executor"}


class Teller:
    """Writes records one after another; everything is on partition 0."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.sent: list[Sent] = []
        self._numbers: dict[tuple[str, str], int] = {}

    def add(self, topic: str, subject: str, attributes: dict[str, str], value: bytes) -> Record:
        offset = sum(each.topic == topic for each in self.records)
        headers = tuple((name, text.encode()) for name, text in attributes.items())
        self.records.append(Record(Position(topic, 0, offset), 0, subject.encode(), value, headers))
        return self.records[-1]

    def ask(self, topic: str, kind: str, subject: str, request_id: str, *expects: str, **data: Any) -> None:
        attributes = {"ce_id": request_id, "ce_source": UPSTREAM, "ce_type": f"ml.{kind}.v1"}
        record = self.add(topic, subject, attributes, json.dumps({"x": 1, **data}).encode())
        self.sent.append(
            Sent(
                kind=kind,
                topic=topic,
                subject=subject,
                request_id=request_id,
                source=UPSTREAM,
                expects=expects,
                positions=(record.position,),
            )
        )

    def tell(self, topic: str, name: str, subject: str, **data: Any) -> Record:
        """A fact or a figure of a service's, numbered where it is a fact."""
        source = f"/services/{_OWNERS[topic.split('.')[1]]}"
        attributes = {"ce_id": f"e{len(self.records)}", "ce_source": source, "ce_type": f"ml.{name}.v1"}
        if topic.endswith(".events"):
            number = self._numbers[topic, subject] = self._numbers.get((topic, subject), 0) + 1
            attributes["ce_sequence"] = str(number)
        return self.add(topic, subject, attributes, json.dumps(data).encode())


def healthy() -> History:
    """A model, a data set, a deployment, an execution of two attempts, a refusal, a figure and a dead letter."""
    teller = Teller()
    registered = _register(teller)
    _execute(teller)
    teller.ask("ml.model.requests", "ModelUpdateRequested", "m2", "r5", "model-unknown", model_id="m2")
    refusal = {"request_id": "r5", "code": "model-unknown"}
    teller.tell("ml.model.refusals", "RequestRejected", "r5", **refusal)
    point = {"metric": "wape", "value": 0.5, "time": "2026-11-01T00:00:00Z"}
    teller.ask("ml.metric.observations", "MetricsObserved", "m1", "o1", points=[point])
    _break(teller)
    return _kept(teller, registered)


def _register(teller: Teller) -> Record:
    teller.ask("ml.model.requests", "ModelRegistrationRequested", "m1", "r1", "ModelRegistered", model_id="m1")
    artifact = {"uri": "s3://models/sha256/a/m.onnx", "sha256": "a", "size_bytes": 3}
    version = {"model_id": "m1", "version": 1, "artifact": artifact, "request_id": "r1"}
    registered = teller.tell("ml.model.events", "ModelRegistered", "m1", **version)
    teller.tell("ml.model.events", "ModelUpdated", "m1", model_id="m1", request_id="r1")
    teller.ask("ml.dataset.requests", "DatasetRegistrationRequested", "s1", "r2", "DatasetRegistered", dataset_id="s1")
    teller.tell("ml.dataset.events", "DatasetRegistered", "s1", dataset_id="s1", request_id="r2")
    teller.ask("ml.deployment.requests", "DeploymentRequested", "d1", "r3", "DeploymentActivated", deployment_id="d1")
    teller.tell("ml.deployment.events", "DeploymentActivated", "d1", deployment_id="d1", revision=1, request_id="r3")
    return registered


def _execute(teller: Teller) -> None:
    topic, which = "ml.execution.events", EXECUTION
    teller.ask("ml.execution.requests", "ExecutionRequested", which, "r4", "ExecutionQueued", execution_id=which)
    told = {"execution_id": which, "deployment_id": "d1"}
    teller.tell(topic, "ExecutionQueued", which, **told, request_id="r4")
    for attempt in (1, 2):
        teller.tell(topic, "ExecutionStarted", which, **told, attempt=attempt, executor_id=f"x{attempt}")
    end = {
        **told,
        "request_id": "r4",
        "attempt": 2,
        "status": "succeeded",
        "rows_in": 5,
        "rows_out": 4,
        "rows_rejected": 1,
        "output": {"manifest_uri": _MANIFEST_URI, "manifest_sha256": hashlib.sha256(_manifest()).hexdigest()},
    }
    teller.tell(topic, "ExecutionFinished", which, **end)
    figures = {"execution_id": which, "attempt": 2, "points": [{"metric": "rows_out", "value": 4.0}]}
    teller.tell("ml.execution.observations", "MetricsObserved", "m1", **figures)


def _break(teller: Teller) -> None:
    record = teller.add("ml.model.requests", "broken-1", {"ce_id": "b1"}, b"\x00")
    teller.sent.append(
        Sent(
            kind="broken",
            topic=record.topic,
            subject="broken-1",
            request_id="b1",
            source="",
            is_broken=True,
            positions=(record.position,),
        )
    )
    where = record.position
    position = {"topic": where.topic, "partition": where.partition, "offset": where.offset}
    told = {f"dlq-original-{name}": str(each) for name, each in position.items()}
    teller.add("ml.registry.dlq", "broken-1", told, b"\x00")


def _manifest() -> bytes:
    manifest = {
        "execution_id": EXECUTION,
        "attempt": 2,
        "rows": 4,
        "rows_rejected": 1,
        "parts": [{"key": f"{_PREFIX}part-1.parquet", "rows": 4, "size_bytes": 9, "sha256": "p"}],
        "rejected": [{"key": f"{_PREFIX}rejected/part-1.parquet", "rows": 1, "size_bytes": 2, "sha256": "q"}],
    }
    return json.dumps(manifest).encode()


def _kept(teller: Teller, registered: Record) -> History:
    figures = next(each for each in teller.records if each.topic == "ml.execution.observations")
    models, datasets, deployments = {"_id": "m1", "_sequence": 2}, {"_id": "s1", "_sequence": 1}, {"_id": "d1"}
    known = {"known_models": [models], "known_datasets": [datasets], "known_model_versions": [{"_id": "m1/1"}]}
    return History(
        sent=teller.sent,
        records=teller.records,
        documents={
            "registry": {
                "models": [{**models, "_outbox": []}],
                "model_versions": [{"_id": "m1/1", "event_id": registered.identity[1]}],
                "registrations": [],
            },
            "deployer": {"dependencies": [{"_id": "after", "reserved": []}], **known},
            "executor": {
                "executions": [{"_id": EXECUTION, "state": "succeeded"}],
                "known_deployments": [{**deployments, "_sequence": 1}],
                **known,
            },
        },
        rows={
            "metrics": [
                {"source": UPSTREAM, "event_id": "o1", "point_no": 0, "value": 0.5},
                {"source": "/services/executor", "event_id": figures.identity[1], "point_no": 0, "value": 4.0},
            ],
            "executions": [{"execution_id": EXECUTION, "status": "succeeded"}],
        },
        objects={
            "s3://models/sha256/a/m.onnx": StoredObject(3, "a"),
            _MANIFEST_URI: StoredObject(1, "m", _manifest()),
            f"s3://results/{_PREFIX}part-1.parquet": StoredObject(9, "p"),
            f"s3://results/{_PREFIX}rejected/part-1.parquet": StoredObject(2, "q"),
        },
        progress=[Progress("registry.model", "ml.model.requests", 0, 3, 3)],
    )
