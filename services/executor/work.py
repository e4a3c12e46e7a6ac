"""What an execution has to do, the same for all its attempts: what it reads is added before the first one."""

from collections.abc import Sequence
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field

from schemas.models import ModelRegistered
from schemas.values import InputRef, Resources
from services.executor.domain.execution import Execution
from services.executor.scoring.job import InputObject, ModelArtifact, ScoringInput, ScoringJob, output_prefix_of


class Work(BaseModel):
    """A job without its attempt. Travels as text inside the aggregate.

    `input` has objects only where an executor of before listed them when it accepted the request.
    """

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
        input_: InputRef,
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
        unlisted = ScoringInput(uri=input_.uri, format=input_.format, objects=())
        return cls(model=model, input=unlisted, keep=keep, params=params, resources=resources)


def work_of(execution: Execution) -> Work:
    return Work.model_validate_json(execution.work)


def job_of(execution: Execution, objects: Sequence[InputObject] = ()) -> ScoringJob:
    """The present attempt's job on `objects`; on none, it tells nothing but where the attempt writes."""
    work = work_of(execution)
    deployment_id = execution.resolved.deployment_id
    return ScoringJob(
        execution_id=execution.execution_id,
        attempt=execution.attempt,
        deployment_id=deployment_id,
        model=work.model,
        input=work.input.model_copy(update={"objects": tuple(objects)}),
        output_prefix=output_prefix_of(deployment_id, execution.execution_id, execution.attempt),
        keep=work.keep,
        params=work.params,
        resources=work.resources,
    )
