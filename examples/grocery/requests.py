"""What the upstream system asks of the platform, in the platform's published vocabulary."""

from typing import Any
from uuid import uuid4

from examples.grocery.events import Message
from examples.grocery.panel import LAST_KNOWN_WEEK, MIN_WEEKS_SOLD
from examples.grocery.prepare import SCORED_WEEKS, TRAINING_WEEKS, Prepared
from examples.grocery.recipes import Recipe

DATASET_ID = "grocery-weekly-demand"
DATASET_URI = "s3://datasets/grocery/weekly-demand/"
MARKET = "US"
_ARTIFACTS = "s3://models/incoming/svc-upstream"
_KEEP = ["product_id", "store_id", "week"]


def artifact_uri(recipe: Recipe) -> str:
    return f"{_ARTIFACTS}/{recipe.model_id}/{recipe.file_name}"


def dataset_registration() -> Message:
    """The first cause of all that follows."""
    data = {
        "dataset_id": DATASET_ID,
        "name": "Weekly grocery demand",
        "uri": DATASET_URI,
        "format": "parquet",
        "markets": [MARKET],
        "brands": [],
        "function": "supply-chain",
        "description": f"Product × store pairs that sold in at least {MIN_WEEKS_SOLD} of weeks 1-{LAST_KNOWN_WEEK}: "
        f"one row a pair and week {SCORED_WEEKS[0]}-{SCORED_WEEKS[-1]}, with what was known before the week.",
    }
    return _request("dataset", "DatasetRegistrationRequested", DATASET_ID, data)


def model_registration(recipe: Recipe, prepared: Prepared, cause: Message) -> Message:
    data = {
        "model_id": recipe.model_id,
        "name": recipe.name,
        "description": recipe.description,
        "function": "supply-chain",
        "owner": "demand-planning",
        "markets": [MARKET],
        "brands": [],
        "format": recipe.format,
        "task": "forecasting",
        "artifact": {"uri": artifact_uri(recipe), "sha256": prepared.digest(recipe)},
        "tags": {"example": "grocery"},
        "signature": recipe.signature,
        "requirements": recipe.requirements,
        "card": {
            "intended_use": "Weekly replenishment of stores; not for new products, which have no history.",
            "training_data": f"The Complete Journey (84.51°), weeks {TRAINING_WEEKS[0]}-{TRAINING_WEEKS[-1]}",
        },
    }
    return _request("model", "ModelRegistrationRequested", recipe.model_id, data, cause)


def deployment(recipe: Recipe, registered: Message) -> Message:
    deployment_id = f"{recipe.model_id}-{MARKET.lower()}"
    data = {
        "deployment_id": deployment_id,
        "name": f"{recipe.name}, {MARKET}",
        "model_id": recipe.model_id,
        "version": registered.data["version"],
        "market": MARKET,
        "input": {"uri": DATASET_URI, "format": "parquet"},
        "keep": _KEEP,
    }
    return _request("deployment", "DeploymentRequested", deployment_id, data, registered)


def execution(activated: Message) -> Message:
    execution_id = str(uuid4())
    data = {
        "execution_id": execution_id,
        "deployment_id": activated.subject,
        "deployment_revision": activated.data["revision"],
        "trigger": "manual",
    }
    return _request("execution", "ExecutionRequested", execution_id, data, activated)


def _request(kind: str, name: str, subject: str, data: dict[str, Any], cause: Message | None = None) -> Message:
    request_id = str(uuid4())
    return Message(
        topic=f"ml.{kind}.requests",
        type=name,
        subject=subject,
        data=data,
        id=request_id,
        correlation_id=request_id if cause is None else cause.correlation_id,
        causation_id=None if cause is None else cause.id,
    )
