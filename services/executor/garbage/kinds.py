"""All garbage that is the executor's to collect."""

from datetime import timedelta

from chassis.clock import Clock
from chassis.garbage.collector import Kinds
from chassis.garbage.named import Records
from chassis.objects import Objects
from chassis.settings import GarbageSettings
from services.executor.garbage.attempts import Attempts
from services.executor.garbage.tries import Tries
from services.executor.scoring.objects import RESULTS
from services.executor.store import Executions


def kinds(objects: Objects, executions: Executions, facts: Records, clock: Clock, settings: GarbageSettings) -> Kinds:
    """What attempts left, and what is left of tries."""
    after = timedelta(seconds=settings.after_s)
    return Kinds(
        all=(
            Attempts(objects=objects, executions=executions, facts=facts, after=after),
            Tries(objects=objects, executions=executions, facts=facts, clock=clock),
        ),
        store=objects,
        bucket=RESULTS,
    )
