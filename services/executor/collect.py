"""Remove what attempts and tries left in the object store and nothing names; --dry-run only shows it.

The stores are those of `stack.json` in the run folder (`MLP_RUN_FOLDER`, `.run`), the bus as `operator`, unless
MLP_MONGO_…, MLP_S3_… and MLP_KAFKA_… are set.
"""

from chassis.garbage.collector import Kinds
from chassis.garbage.command import Stores, command
from chassis.settings import GarbageSettings
from services.executor.garbage.kinds import kinds
from services.executor.store import Executions


def _kinds(stores: Stores, settings: GarbageSettings) -> Kinds:
    executions = Executions(stores.database["executions"])
    return kinds(stores.objects, executions, stores.positions, stores.clock, settings)


app = command("executor", _kinds, about=__doc__ or "")

if __name__ == "__main__":
    app(prog_name="python -m services.executor.collect")
