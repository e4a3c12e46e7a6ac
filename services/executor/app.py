"""The executor's parts, joined."""

import asyncio
import os
import socket
from collections.abc import Callable
from functools import partial

from chassis.clock import new_id
from chassis.garbage.collector import Collector
from chassis.garbage.turn import COLLECTION, Turns
from chassis.sandbox import formats
from chassis.sandbox.telling import tell_what_holds
from chassis.service import Service
from chassis.settings import S3Settings
from schemas.executions import ExecutionCancellationRequested, ExecutionRequested
from schemas.known_datasets import fold_dataset
from schemas.observations import MetricsObserved
from schemas.topics import DATASET_EVENTS, DEPLOYMENT_EVENTS, EXECUTION_OBSERVATIONS, EXECUTION_REQUESTS, MODEL_EVENTS
from services.executor.admission import Admission
from services.executor.domain.execution import Execution
from services.executor.garbage.kinds import kinds
from services.executor.handlers import ExecutionHandlers
from services.executor.heartbeats import Heartbeats, beating
from services.executor.listings import InputListings
from services.executor.ports import Driver, FindLog, ListInput, MakeJob, ReachObjects, Repository
from services.executor.progress import ProgressFeed
from services.executor.queue_watch import QueueWatch
from services.executor.replicas import VERSIONS, Models, fold_deployment, fold_model
from services.executor.scoring.errors import ScoringError
from services.executor.scoring.listing import listed
from services.executor.scoring.objects import DATASETS, MODELS, RESULTS
from services.executor.scoring.recycling import Room
from services.executor.scoring.runlog import find_log
from services.executor.scoring.settings import ScoringSettings
from services.executor.scoring.warm_driver import WarmDriver
from services.executor.settings import Settings
from services.executor.slot import Bell, Slot
from services.executor.store import Executions
from services.executor.usecases.cancel_execution import CancelExecution
from services.executor.usecases.claim_execution import ClaimExecution
from services.executor.usecases.freeze_input import FreezeInput
from services.executor.usecases.queue_execution import QueueExecution
from services.executor.usecases.resolve_request import ResolveRequest
from services.executor.usecases.run_attempt import RunAttempt
from services.executor.watchdog import Watchdog

_COLLECTION = "executions"
_LOOK_FOR_LOG_S = 3.0


def build(settings: Settings, *, make_driver: Callable[[], Driver] | None = None) -> Service:
    """Make the executor; nothing is connected and no driver started before it runs."""
    service = Service("executor", settings)
    executions = service.aggregates(_COLLECTION, Execution, topics={MetricsObserved: EXECUTION_OBSERVATIONS})
    overview = Executions(executions.collection)
    bell = Bell()
    models = Models(service.follow("known_models", topic=MODEL_EVENTS, fold=fold_model, parts=VERSIONS))
    handlers = ExecutionHandlers(
        queue_execution=QueueExecution(
            executions=executions, resolve=_resolver(service, models), clock=service.clock, wake=bell.ring
        ),
        cancel_execution=CancelExecution(executions=executions, clock=service.clock),
    )
    service.take_requests(
        EXECUTION_REQUESTS,
        {
            ExecutionRequested: handlers.on_request,
            ExecutionCancellationRequested: handlers.on_cancellation,
        },
        answered=executions.has_handled,
    )
    service.prepare_with(overview.prepare)
    service.prepare_with(tell_what_holds)
    service.needs("objects", _reaching(service))
    service.work_on(_collector(service, settings, overview).run)
    make_job = _freezing(service, settings, models)
    _work_in_slots(service, settings, executions, overview, bell, make_job, make_driver or _warm_driver(settings))
    return service


def _collector(service: Service, settings: Settings, overview: Executions) -> Collector:
    garbage = kinds(service.objects, overview, service.positions, service.clock, settings.garbage)
    turns = Turns(service.database[COLLECTION], clock=service.clock, owner=new_id())
    every_s = settings.garbage.every_s
    return Collector(garbage, turns, every_s=every_s, clock=service.clock, probe=service.health.away)


def _resolver(service: Service, models: Models) -> ResolveRequest:
    return ResolveRequest(
        deployments=service.follow("known_deployments", topic=DEPLOYMENT_EVENTS, fold=fold_deployment),
        models=models,
        datasets=service.follow("known_datasets", topic=DATASET_EVENTS, fold=fold_dataset),
        formats=formats.names(),
    )


def _freezing(service: Service, settings: Settings, models: Models) -> MakeJob:
    listings = InputListings(service.database["listings"], service.clock)
    service.prepare_with(listings.prepare)
    list_input: ListInput = partial(listed, service.objects, at_most=settings.max_input_objects)
    return FreezeInput(models=models, listings=listings, list_input=list_input, probe=service.health.away)


def _warm_driver(settings: Settings) -> Callable[[], Driver]:
    scoring = ScoringSettings(s3=settings.s3)
    room = Room(scoring.driver_room_bytes)
    return lambda: WarmDriver(scoring, room)


def _reaching(service: Service) -> ReachObjects:
    return partial(service.objects.ping, DATASETS, MODELS, RESULTS)


def _finding_log(store: S3Settings) -> FindLog:
    async def find(output_prefix: str) -> str | None:
        try:
            async with asyncio.timeout(_LOOK_FOR_LOG_S):
                return await asyncio.to_thread(find_log, store, output_prefix)
        except (TimeoutError, ScoringError):
            return None

    return find


def _attempts(
    service: Service,
    settings: Settings,
    executions: Repository,
    overview: Executions,
    make_job: MakeJob,
    heartbeats: Heartbeats,
) -> "partial[RunAttempt]":
    """All that an attempt needs but its driver."""
    return partial(
        RunAttempt,
        executions=executions,
        make_job=make_job,
        glances=overview,
        leases=heartbeats,
        feed=ProgressFeed(service.publisher, service.events, service.clock),
        reach_objects=_reaching(service),
        find_log=_finding_log(settings.s3),
        clock=service.clock,
        lease_s=settings.lease_s,
        probe=service.health.away,
        watchdog=_watchdog(service),
    )


def _watchdog(service: Service) -> Watchdog:
    watchdog = Watchdog(service.health.away, service.clock)
    service.health.others["attempts"] = watchdog.check
    service.work_on(watchdog.run)
    return watchdog


def _work_in_slots(
    service: Service,
    settings: Settings,
    executions: Repository,
    overview: Executions,
    bell: Bell,
    make_job: MakeJob,
    make_driver: Callable[[], Driver],
) -> None:
    clock, lease_s = service.clock, settings.lease_s
    heartbeats = Heartbeats(
        partial(beating, settings.mongo, service.database.name, _COLLECTION), clock=clock, lease_s=lease_s
    )
    attempts = _attempts(service, settings, executions, overview, make_job, heartbeats)
    service.work_on(heartbeats.run)
    service.work_on(QueueWatch(service.database[_COLLECTION]).run)
    process = f"{socket.gethostname()}:{os.getpid()}:{new_id()[:8]}"
    for number in range(1, settings.slots + 1):
        driver = make_driver()
        slot = Slot(
            driver=driver,
            claim=ClaimExecution(
                executions=executions,
                overview=overview,
                door=Admission(service.database["limits"], overview, settings.limits, clock=clock, lease_s=lease_s),
                clock=clock,
                owner=f"{process}:{number}",
                lease_s=lease_s,
            ),
            run_attempt=attempts(scoring=driver),
            bell=bell,
            probe=service.health.away,
        )
        service.health.others[f"driver {number}"] = slot.check
        service.work_on(slot.run)
