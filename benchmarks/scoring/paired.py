"""The scoring engine of another checkout beside this one's and the bare processes: warm at once, one after another.

`git worktree add ../before <commit>`, then `python -m benchmarks.scoring.paired ../before`; the stack has to run.
"""

import asyncio
import tempfile
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.scoring.arena import LOGS, settings_for
from benchmarks.scoring.bare import Bare
from benchmarks.scoring.cases import Case
from benchmarks.scoring.contender import OUTPUTS, Contender, Scored, forget_outputs
from benchmarks.scoring.environment import engine_environment, settings_of
from benchmarks.scoring.inputs import Input, keeping, lay, made
from benchmarks.scoring.models import KINDS, train
from benchmarks.scoring.resident import Resident
from chassis.settings import S3Settings
from examples.grocery.stack import ObjectStorage, read_stack
from infra.embedded.layout import CHECKOUT
from services.executor.scoring.listing import freeze_input
from services.executor.scoring.objects import DATASETS, MODELS, Bucket

_ELSEWHERE: Final = Path(__file__).parent / "elsewhere"
_INPUTS: Final[Mapping[str, Input]] = {
    each.name: each for each in (made(1_000_000), made(5_000_000), keeping(1_000_000))
}
_BEFORE, _AFTER = "before", "after"


class CheckoutEngine:
    """A job handed to a warm driver of some checkout, whose environments are ours where it has none."""

    def __init__(self, name: str, resident: Resident) -> None:
        self.name = name
        self._resident = resident

    async def score(self, case: Case) -> Scored:
        job = case.job(f"{OUTPUTS}/{self.name}/").model_dump(mode="json")
        return Scored((await asyncio.to_thread(self._resident.ask, {"job": job}))["seconds"], [])


@contextmanager
def engines(before: Path, storage: ObjectStorage, scratch: Path) -> Generator[tuple[Contender, ...]]:
    """The bare processes, the other checkout's engine and ours, all warm."""
    with ExitStack() as residents:
        bare = residents.enter_context(Bare(settings_for(settings_of(storage), scratch / "bare")))
        opened = [
            CheckoutEngine(name, residents.enter_context(_resident(name, checkout, storage, scratch)))
            for name, checkout in ((_BEFORE, before), (_AFTER, CHECKOUT))
        ]
        yield bare, *opened


def _resident(name: str, checkout: Path, storage: ObjectStorage, scratch: Path) -> Resident:
    model_python = str(_its(checkout, ".venv-model"))
    environment = {
        **engine_environment(storage, scratch / name),
        "PYTHONPATH": f"{checkout}:{_ELSEWHERE}",
        "MLP_SCORING_NICE": "0",
        "MLP_SANDBOX_PYTHON": model_python,
        # As it was called before all formats were sandboxed.
        "MLP_EXECUTOR_MODEL_PYTHON": model_python,
    }
    python, log = _its(checkout, ".venv"), LOGS / f"bench-{name}.log"
    return Resident("checkout_engine", python=python, environment=environment, log=log, checkout=checkout)


def _its(checkout: Path, environment: str) -> Path:
    python = checkout / environment / "bin" / "python"
    return python if python.exists() else CHECKOUT / environment / "bin" / "python"


def case_of(data: Input, kind: str, s3: S3Settings, folder: Path) -> Case:
    """For who takes jobs directly: nothing is registered or deployed."""
    datasets, models = Bucket(s3, DATASETS), Bucket(s3, MODELS)
    lay(data, datasets)
    return Case(train(kind, data, datasets, models, folder), data, freeze_input(s3, data.uri, "parquet"), "")


async def rounds_of(
    case: Case, contenders: tuple[Contender, ...], *, rounds: int, storage: ObjectStorage
) -> dict[str, list[float]]:
    """Seconds of each, round by round, after one that warms; each round begins with another."""
    seconds = {each.name: list[float]() for each in contenders}
    for number in range(rounds + 1):
        turn = number % len(contenders)
        for each in (*contenders[turn:], *contenders[:turn]):
            scored = await each.score(case)
            if number:
                seconds[each.name].append(scored.seconds)
        forget_outputs(storage)
    return seconds


def row_of(case: Case, seconds: Mapping[str, list[float]]) -> tuple[str, ...]:
    """Medians, and this checkout's rate as a share of the other's: of the medians, and the median of the rounds'."""
    times = {name: median(some) for name, some in seconds.items()}
    pairs = median(before / after for before, after in zip(seconds[_BEFORE], seconds[_AFTER], strict=True))
    said = (f"{times[name]:.2f} s" for name in seconds)
    return case.name, *said, f"{times[_BEFORE] / times[_AFTER]:.2f}", f"{pairs:.2f}"


def compare(
    before: Annotated[Path, typer.Argument(help="The other checkout.", exists=True, file_okay=False)],
    rounds: Annotated[int, typer.Option(min=1)] = 7,
    inputs: Annotated[list[str] | None, typer.Option("--input", help=f"Any of {', '.join(_INPUTS)}; all.")] = None,
    kinds: Annotated[list[str] | None, typer.Option("--kind", help=f"Any of {', '.join(KINDS)}; both.")] = None,
) -> None:
    """Score the same with both, and print seconds and ratios."""
    if unknown := ({*(inputs or ())} - {*_INPUTS}) | ({*(kinds or ())} - {*KINDS}):
        raise typer.BadParameter(f"no such input or kind: {', '.join(sorted(unknown))}")
    chosen = [(_INPUTS[name], kind) for name in inputs or _INPUTS for kind in kinds or KINDS]
    asyncio.run(_compared(before.resolve(), chosen, rounds))


async def _compared(before: Path, chosen: list[tuple[Input, str]], rounds: int) -> None:
    storage = read_stack(CHECKOUT / ".run" / "stack.json").objects
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, engines(before, storage, Path(folder)) as contenders:
        table = Table("", *(each.name for each in contenders), "after : before", "by rounds")
        for data, kind in chosen:
            case = case_of(data, kind, settings_of(storage), Path(folder))
            table.add_row(*row_of(case, await rounds_of(case, contenders, rounds=rounds, storage=storage)))
    Console().print(table)


if __name__ == "__main__":
    typer.run(compare)
