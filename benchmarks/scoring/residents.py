"""Contenders that live in a process of their own."""

import asyncio

from benchmarks.scoring.cases import Case
from benchmarks.scoring.contender import OUTPUTS, Scored
from benchmarks.scoring.resident import Resident
from services.executor.scoring.objects import RESULTS, Bucket


class Peer:
    """`spark_udf` or `mapInPandas` in a warm session of Spark."""

    def __init__(self, how: str, resident: Resident, results: Bucket) -> None:
        self.name = how
        self._resident, self._results = resident, results

    async def score(self, case: Case) -> Scored:
        prefix = f"{OUTPUTS}/{self.name}/"
        question = {
            "how": self.name,
            "model": str(case.model.path),
            "columns": case.data.columns,
            "kept": case.data.kept,
            "input": f"s3a://datasets/{case.data.prefix}",
            "output": f"s3a://{RESULTS}/{prefix}",
        }
        answer = await asyncio.to_thread(self._resident.ask, question)
        return Scored(answer["seconds"], written(self._results, prefix))


def written(results: Bucket, prefix: str) -> list[str]:
    """What Spark has left under a prefix."""
    return [item.key for item in results.list(prefix) if item.key.endswith(".parquet")]
