"""What is to be scored, frozen for all attempts, and what came of it. Both travel as JSON."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.signature import Signature
from schemas.values import Resources


class _Frozen(BaseModel, frozen=True):
    model_config = ConfigDict(extra="ignore")


class ModelArtifact(_Frozen, frozen=True):
    """A model version; its bytes: `s3://models/sha256/<digest>/<file>`, or `…/<digest>/` for a directory."""

    id: str
    version: int
    format: str
    uri: str
    sha256: str
    signature: Signature
    entrypoint: str | None = None

    @property
    def name(self) -> str:
        """For people."""
        return f"model {self.id} version {self.version}"


class InputObject(_Frozen, frozen=True):
    """An object of the input as it was when the job was frozen."""

    key: str
    etag: str
    size_bytes: int


class ScoringInput(_Frozen, frozen=True):
    """The frozen listing of an input in the bucket `datasets`."""

    uri: str
    format: Literal["parquet", "csv"]
    objects: tuple[InputObject, ...]

    @property
    def size_bytes(self) -> int:
        return sum(item.size_bytes for item in self.objects)


class ScoringJob(_Frozen, frozen=True):
    """One attempt at one execution. `keep` of None keeps every input column that is no model input."""

    execution_id: str
    attempt: int
    deployment_id: str
    model: ModelArtifact
    input: ScoringInput
    output_prefix: str
    keep: tuple[str, ...] | None = None
    params: dict[str, Any] = Field(default_factory=dict[str, Any])
    resources: Resources = "small"

    @property
    def effective_params(self) -> dict[str, Any]:
        """The signature's defaults, and what the job gives."""
        defaults = {one.name: one.default for one in self.model.signature.params if one.default is not None}
        return {**defaults, **self.params}


def output_prefix_of(deployment_id: str, execution_id: str, attempt: int) -> str:
    """Where an attempt writes; ends with a slash."""
    return f"s3://results/{deployment_id}/{execution_id}/attempt-{attempt}/"


class Progress(_Frozen, frozen=True):
    """How far a running job is. `rows_total` is unknown for CSV, unless tasks share its objects."""

    rows_done: int
    rows_total: int | None
    splits_done: int
    splits_total: int


class Observation(_Frozen, frozen=True):
    """A figure among others of its name, which its labels tell it from."""

    metric: str
    value: float
    labels: dict[str, str] = Field(default_factory=dict[str, str])


class ScoringOutcome(_Frozen, frozen=True):
    """A finished job: everything that `ExecutionFinished` says about its output."""

    output_uri: str
    manifest_uri: str
    manifest_sha256: str
    log_uri: str
    rows_in: int
    rows_out: int
    rows_rejected: int
    metrics: dict[str, float]
    observations: tuple[Observation, ...] = ()
