"""An upstream system in one file: brings a model and rows, has the rows scored, and reads the results.

python -m examples.upstream --stack .run/stack.json --model m.joblib --format sklearn --data d.parquet --input x:double
"""

import argparse
import asyncio
import json
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import obstore
import pyarrow.parquet as pq
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from obstore.store import S3Store

KINDS = ("dataset", "model", "deployment", "execution")
TOPICS = [f"ml.{kind}.{answers}" for kind in KINDS for answers in ("events", "refusals")]


async def ask(bus: tuple[Any, Any], kind: str, name: str, body: dict[str, Any], *ends: str) -> dict[str, Any]:
    """Publish a request and print what answers it, until one of `ends`; a refusal ends the program."""
    request_id, subject = str(uuid4()), body[f"{kind}_id"]
    attributes = {"ce_specversion": "1.0", "ce_id": request_id, "ce_source": "/upstream/example"}
    attributes |= {"ce_type": f"ml.{name}.v1", "ce_subject": subject, "content-type": "application/json"}
    headers = [(key, value.encode()) for key, value in attributes.items()]
    await bus[0].send_and_wait(f"ml.{kind}.requests", json.dumps(body).encode(), subject.encode(), headers=headers)
    async for record in bus[1]:
        answer, fact = dict(record.headers)["ce_type"].decode().split(".")[1], json.loads(record.value)
        if fact.get("request_id") != request_id:
            continue
        print(answer, json.dumps(fact))
        if answer == "RequestRejected":  # with its code, a message and the violations, each a field and a message
            raise SystemExit(1)
        if answer in ends:
            return fact
    raise SystemExit("the consumer was stopped")


def columns(given: list[str]) -> list[dict[str, Any]]:
    return [{"name": each.split(":")[0], "type": each.split(":")[1], "required": True} for each in given]


async def bring(bus: tuple[Any, Any], given: argparse.Namespace, model_uri: str, data_uri: str) -> str:
    name, scope, rows = given.name, {"markets": ["*"], "brands": []}, {"uri": data_uri, "format": "parquet"}
    body: dict[str, Any] = {"dataset_id": name, "name": name, **rows, **scope}
    await ask(bus, "dataset", "DatasetRegistrationRequested", body, "DatasetRegistered")
    body = {"model_id": name, "name": name, "description": "An example", "function": "other", "owner": "us", **scope}
    body |= {"format": given.format, "artifact": {"uri": model_uri}}
    body["signature"] = {"inputs": columns(given.input), "outputs": columns(given.output), "params": []}
    known = await ask(bus, "model", "ModelRegistrationRequested", body, "ModelRegistered", "ModelRegistrationMatched")
    body = {"deployment_id": name, "name": name, "model_id": name, "version": known["version"], "market": "*"}
    await ask(bus, "deployment", "DeploymentRequested", body | {"input": rows}, "DeploymentActivated")
    body = {"execution_id": str(uuid4()), "deployment_id": name, "trigger": "manual"}
    end = await ask(bus, "execution", "ExecutionRequested", body, "ExecutionFinished")
    if end["status"] != "succeeded":
        raise SystemExit(f"{end['status']}: {end.get('error')}")
    return end["output"]["manifest_uri"]


async def run(given: argparse.Namespace) -> None:
    kafka, s3 = (json.loads(given.stack.read_text())[server] for server in ("kafka", "s3"))
    client = {name: kafka[name] for name in ("bootstrap_servers", "security_protocol", "sasl_mechanism")}
    client |= {"sasl_plain_username": "upstream", "sasl_plain_password": kafka["principals"]["upstream"]["password"]}
    objects: dict[str, Any] = {"access_key_id": s3["access_key"], "secret_access_key": s3["secret_key"]}
    objects |= {"endpoint": s3["endpoint"], "region": "us-east-1", "client_options": {"allow_http": True}}
    models, datasets, results = (S3Store(bucket, **objects) for bucket in ("models", "datasets", "results"))
    model_key, data_key = f"incoming/{given.name}/{given.model.name}", f"{given.name}/{given.data.name}"
    obstore.put(models, model_key, given.model)
    obstore.put(datasets, data_key, given.data)
    async with AIOKafkaProducer(**client, acks="all") as producer, AIOKafkaConsumer(*TOPICS, **client) as consumer:
        await consumer.seek_to_end()  # before anything is asked: no answer is missed
        manifest_uri = await bring((producer, consumer), given, f"s3://models/{model_key}", f"s3://datasets/{data_key}")
    manifest = json.loads(bytes(obstore.get(results, manifest_uri.removeprefix("s3://results/")).bytes()))
    print(f"{manifest_uri}: {manifest['rows']} rows, {manifest['rows_rejected']} rejected")
    for part in manifest["parts"][:1]:
        print(*pq.read_table(BytesIO(obstore.get(results, part["key"]).bytes())).slice(0, 5).to_pylist(), sep="\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--format", choices=("sklearn", "onnx"), required=True)
    parser.add_argument("--name", default="my-model", help="id of model, data set and deployment")
    for option in ("--stack", "--model", "--data"):
        parser.add_argument(option, type=Path, required=True)
    for option in ("--input", "--output"):
        parser.add_argument(option, action="append", default=[], metavar="NAME:TYPE")
    asyncio.run(run(parser.parse_args()))
