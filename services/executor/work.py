"""What an execution has to do, frozen when it is accepted and the same for all its attempts."""

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field

from schemas.models import ModelRegistered
from schemas.values import Resources
from services.executor.domain.execution import Execution
from services.executor.scoring.job import ModelArtifact, ScoringInput, ScoringJob, output_prefix_of


class Work(BaseModel):
    """A job without its attempt. Travels as text inside the aggregate."""

    model_config = ConfigDict(frozen=True)

    model: ModelArtifact
    input: ScoringInput
    keep: tuple[str, ...] | None = None
    params: dict[str, Any] = Field(default_factory=dict[str, Any])
    resources: Resources = "small"

    @classmethod
    def of(
        cls,
        version: ModelRegistered,
        input_: ScoringInput,
        *,
        keep: tuple[str, ...] | None,
        params: dict[str, Any],
        resources: Resources,
    ) -> Self:
        model = ModelArtifact.model_validate(
            {
                "id": version.model_id,
                "version": version.version,
                "format": version.format,
                "uri": version.artifact.uri,
                "sha256": version.artifact.sha256,
                "signature": version.signature,
                "entrypoint": version.entrypoint,
            }
        )
        return cls(model=model, input=input_, keep=keep, params=params, resources=resources)


def job_of(execution: Execution) -> ScoringJob:
    """The present attempt's job."""
    work = Work.model_validate_json(execution.work)
    deployment_id = execution.resolved.deployment_id
    return ScoringJob(
        execution_id=execution.execution_id,
        attempt=execution.attempt,
        deployment_id=deployment_id,
        model=work.model,
        input=work.input,
        output_prefix=output_prefix_of(deployment_id, execution.execution_id, execution.attempt),
        keep=work.keep,
        params=work.params,
        resources=work.resources,
    )
