"""The upstream system's work, step by step: upload, register, deploy, run. Every step may be done again."""

import asyncio
from dataclasses import dataclass

from examples.grocery import requests
from examples.grocery.bus import Bus, Listener
from examples.grocery.errors import DemoError
from examples.grocery.events import Message
from examples.grocery.objects import Buckets
from examples.grocery.prepare import Prepared
from examples.grocery.recipes import RECIPES, Recipe

REGISTERED, MATCHED = "ModelRegistered", "ModelRegistrationMatched"
_EXECUTION_TIMEOUT_S = 600.0


@dataclass(frozen=True)
class Track:
    """One model's way through the platform."""

    recipe: Recipe
    sha256: str
    registered: Message
    activated: Message


@dataclass(frozen=True)
class Run:
    track: Track
    finished: Message

    @property
    def name(self) -> str:
        return self.track.recipe.name


async def upload(buckets: Buckets, prepared: Prepared) -> int:
    """How many of the objects were not there yet."""
    models = [(prepared.model(recipe), requests.artifact_uri(recipe)) for recipe in RECIPES]
    dataset = [(path, f"{requests.DATASET_URI}{path.name}") for path in prepared.dataset]
    return await buckets.upload([*models, *dataset])


async def register_dataset(bus: Bus) -> Message:
    return await bus.ask(requests.dataset_registration(), answers={"DatasetRegistered"})


async def register_and_deploy(bus: Bus, prepared: Prepared, cause: Message) -> list[Track]:
    return await asyncio.gather(*(_register_and_deploy(bus, recipe, prepared, cause) for recipe in RECIPES))


async def execute(bus: Bus, tracks: list[Track], listener: Listener) -> list[Run]:
    """Run all at once; the platform queues what it has no place for. `listener` sees every message meanwhile."""
    bus.listen(listener)
    return await asyncio.gather(*(_execute(bus, track) for track in tracks))


async def _register_and_deploy(bus: Bus, recipe: Recipe, prepared: Prepared, cause: Message) -> Track:
    request = requests.model_registration(recipe, prepared, cause)
    registered = await bus.ask(request, answers={REGISTERED, MATCHED})
    activated = await bus.ask(requests.deployment(recipe, registered), answers={"DeploymentActivated"})
    return Track(recipe, prepared.digest(recipe), registered, activated)


async def _execute(bus: Bus, track: Track) -> Run:
    request = requests.execution(track.activated)
    await bus.ask(request, answers={"ExecutionQueued"})
    finished = await bus.first(
        lambda message: message.type == "ExecutionFinished" and message.subject == request.subject,
        waiting_for=f"the end of execution {request.subject}",
        timeout_s=_EXECUTION_TIMEOUT_S,
    )
    if finished.data["status"] != "succeeded":
        raise DemoError(_failure(finished))
    return Run(track, finished)


def _failure(finished: Message) -> str:
    error = finished.data.get("error", {"code": "unknown", "message": "no reason given"})
    text = f"execution {finished.subject} {finished.data['status']}: {error['code']}: {error['message']}"
    return f"{text}; its log: {finished.data['log_uri']}" if "log_uri" in finished.data else text
