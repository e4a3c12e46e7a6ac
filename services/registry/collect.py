"""Remove copies of models that no version needs, and unfinished uploads of them; --dry-run only shows them.

The stores are those of `stack.json` in the run folder (`MLP_RUN_FOLDER`, `.run`), the bus as `operator`, unless
MLP_MONGO_…, MLP_S3_… and MLP_KAFKA_… are set.
"""

from chassis.garbage.collector import Kinds
from chassis.garbage.command import Stores, command
from chassis.settings import GarbageSettings
from services.registry.garbage.kinds import kinds


def _kinds(stores: Stores, settings: GarbageSettings) -> Kinds:
    return kinds(stores.objects, stores.database, stores.positions, settings)


app = command("registry", _kinds, about=__doc__ or "")

if __name__ == "__main__":
    app(prog_name="python -m services.registry.collect")
