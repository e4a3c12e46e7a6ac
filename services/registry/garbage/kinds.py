"""All garbage that is the registry's to collect."""

from datetime import timedelta

from chassis.documents.client import Database
from chassis.garbage.collector import Kinds
from chassis.garbage.named import Records
from chassis.objects import Objects
from chassis.settings import GarbageSettings
from services.registry.artifacts import HOME
from services.registry.garbage.copies import Copies, Unpublished
from services.registry.garbage.uploads import Uploads
from services.registry.store import Versions
from services.registry.waiting import Registrations


def kinds(objects: Objects, database: Database, facts: Records, settings: GarbageSettings) -> Kinds:
    """What registrations left that came to nothing."""
    after = timedelta(seconds=settings.after_s)
    copies = Copies(
        objects=objects,
        waiting=Registrations(database["registrations"], database["queues"]),
        unpublished=Unpublished(database["models"]),
        versions=Versions(database["model_versions"]),
        facts=facts,
        after=after,
    )
    return Kinds(all=(copies, Uploads(objects=objects, after=after)), store=objects, bucket=HOME.bucket)
