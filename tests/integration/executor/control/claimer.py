"""An executor that does nothing but claim, as a process; it prints `claimed <execution> <attempt> <owner>` each time.

Its arguments are a database, a collection and a name; the settings are the environment's. It begins when its input says
something and ends when that ends. Each of its owners ends what it has claimed, so that there is always somebody between
two writes.
"""

import asyncio
import sys
from typing import Final

from chassis.bus.outgoing import EventFactory
from chassis.clock import SystemClock, new_id
from chassis.documents.aggregates import Aggregates
from chassis.documents.client import connect
from chassis.documents.handled import Handled
from chassis.settings import MongoSettings
from services.executor.admission import Admission
from services.executor.domain.ending import Failed
from services.executor.domain.execution import Execution
from services.executor.domain.limits import Limits
from services.executor.domain.terms import Tenure
from services.executor.moments import cause_of, now
from services.executor.store import Executions
from services.executor.usecases.claim_execution import ClaimExecution

LEASE_S: Final = 2.0
OWNERS: Final = 2
ENDING: Final = Failed(code="input-empty", message="no rows", retryable=False)


async def work(executions: Aggregates[Execution], owner: str, stopping: asyncio.Event) -> None:
    clock = SystemClock()
    overview = Executions(executions.collection)
    door = Admission(executions.collection.database["limits"], overview, Limits(), clock=clock, lease_s=LEASE_S)
    claim = ClaimExecution(
        executions=executions, overview=overview, door=door, clock=clock, owner=owner, lease_s=LEASE_S
    )
    while not stopping.is_set():
        claimed = await claim()
        if claimed is None:
            await asyncio.sleep(0.05)
            continue
        sys.stdout.write(f"claimed {claimed.execution_id} {claimed.attempt} {owner}\n")
        await _end(executions, claimed, clock)


async def _end(executions: Aggregates[Execution], claimed: Execution, clock: SystemClock) -> None:
    def decide(execution: Execution | None) -> Execution:
        execution = Execution.existing(execution, claimed.execution_id)
        execution.finish(Tenure(claimed.owner or "", claimed.attempt), ENDING, now(clock))
        return execution

    await executions.change(claimed.execution_id, decide, cause_of(claimed.origin))


async def main(database: str, collection: str, name: str) -> None:
    async with connect(MongoSettings()) as client:
        events = EventFactory(source="/services/executor", clock=SystemClock(), new_id=new_id)
        handled = Handled(client[database]["handled"], events.clock)
        executions = Aggregates(
            client[database][collection], Execution, events=events, wake=lambda *_: None, handled=handled
        )
        sys.stdin.readline()  # Everybody begins at once.
        stopping = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            for number in range(OWNERS):
                tasks.create_task(work(executions, f"{name}:{number}", stopping))
            await asyncio.to_thread(sys.stdin.read)
            stopping.set()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
