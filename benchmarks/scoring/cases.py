"""What is measured: each kind of model on each input.

`SCORING_ROWS` (1000000,5000000) names the sizes of the inputs that are made, of which the smallest is there with ten
kept columns, too; `SCORING_FULL=1` adds the 20.9 million promotions, which take about twenty minutes more.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from benchmarks.scoring.inputs import Input, keeping, lay, made, promotions
from benchmarks.scoring.models import KINDS, Model, register, train
from benchmarks.subjects import request
from chassis.settings import S3Settings
from examples.grocery.bus import Bus
from services.executor.scoring.job import InputObject, ScoringInput, ScoringJob
from services.executor.scoring.listing import freeze_input
from services.executor.scoring.objects import DATASETS, MODELS, Bucket


@dataclass(frozen=True)
class Case:
    """A model and an input, deployed; `objects` is the input's frozen listing."""

    model: Model
    data: Input
    objects: tuple[InputObject, ...]
    deployment_id: str

    @property
    def name(self) -> str:
        return f"{self.data.name} {self.model.kind}"

    def job(self, output: str) -> ScoringJob:
        """For who takes jobs directly; `output` is a prefix in the bucket `results`."""
        return ScoringJob(
            execution_id=str(uuid4()),
            attempt=1,
            deployment_id=self.deployment_id,
            model=self.model.artifact,
            input=ScoringInput(uri=self.data.uri, format="parquet", objects=self.objects),
            output_prefix=f"s3://results/{output}",
            keep=self.data.kept,
        )


def chosen_inputs() -> list[Input]:
    sizes = [int(size) for size in os.environ.get("SCORING_ROWS", "1000000,5000000").split(",")]
    full = [promotions()] if os.environ.get("SCORING_FULL") else []
    return [*(made(size) for size in sizes), keeping(min(sizes)), *full]


async def make_cases(
    inputs: Sequence[Input], s3: S3Settings, bus: Bus, folder: Path, kinds: Sequence[str] = KINDS
) -> list[Case]:
    """Lay, train, register and deploy; what is there already is the same again."""
    datasets, models = Bucket(s3, DATASETS), Bucket(s3, MODELS)
    cases: list[Case] = []
    for data in inputs:
        lay(data, datasets)
        await _register(bus, data)
        for kind in kinds:
            case = Case(
                model=train(kind, data, datasets, models, folder),
                data=data,
                objects=freeze_input(s3, data.uri, "parquet"),
                deployment_id=f"bench-scoring-{kind}-{data.kind}-{data.rows}",
            )
            await _deploy(bus, case)
            cases.append(case)
    return cases


async def _register(bus: Bus, data: Input) -> None:
    dataset_id = f"bench-scoring-{data.kind}-{data.rows}"
    described = {
        "dataset_id": dataset_id,
        "name": f"Benchmark, {data.name} rows",
        "markets": ["*"],
        "brands": [],
        "uri": data.uri,
        "format": "parquet",
    }
    await bus.ask(request("DatasetRegistrationRequested", dataset_id, described), answers={"DatasetRegistered"})


async def _deploy(bus: Bus, case: Case) -> None:
    described = {
        "deployment_id": case.deployment_id,
        "name": f"Benchmark, {case.name}",
        "model_id": case.model.artifact.id,
        "version": await register(bus, case.model),
        "market": "*",
        "input": {"uri": case.data.uri, "format": "parquet"},
        "keep": list(case.data.kept),
    }
    await bus.ask(request("DeploymentRequested", case.deployment_id, described), answers={"DeploymentActivated"})
