"""What a request comes to, given what is known: one version, one input, one set of parameters."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Final

from schemas.aliases import resolve
from schemas.deployments import DeploymentActivated
from schemas.executions import ExecutionRequested
from schemas.models import ModelRegistered
from schemas.refusals import Violation
from schemas.scalars import ParamValue
from schemas.signature import Signature
from schemas.values import InputRef
from services.executor.domain.errors import (
    AliasUnknown,
    DeploymentIsPaused,
    DeploymentIsRetired,
    DeploymentUnknown,
    FormatNotRunnable,
    LogicalDateMissing,
    ModelIsArchived,
    ModelUnknown,
    ParameterInvalid,
    RevisionUnknown,
    SignatureMissing,
    TriggerNotAllowed,
    VersionIsArchived,
    VersionIsUnfit,
    VersionUnknown,
)
from services.executor.domain.known import KnownDeployment, KnownModel, KnownVersion

LOGICAL_DATE: Final = "{{ ds }}"
SCHEDULERS_TRIGGERS: Final = frozenset({"schedule", "dependency", "backfill"})


def check_trigger(request: ExecutionRequested, *, is_scheduler: bool) -> None:
    """Raises: TriggerNotAllowed."""
    if request.trigger in SCHEDULERS_TRIGGERS and not is_scheduler:
        raise TriggerNotAllowed(f"only the platform's own scheduler may ask with the trigger {request.trigger}")


def runnable_deployment(known: KnownDeployment | None, request: ExecutionRequested) -> DeploymentActivated:
    """The revision that the request gets.

    Raises: DeploymentUnknown, DeploymentIsRetired, DeploymentIsPaused, RevisionUnknown.
    """
    if known is None:
        raise DeploymentUnknown(f"there is no deployment {request.deployment_id}")
    if known.state == "retired":
        raise DeploymentIsRetired(f"deployment {request.deployment_id} is retired")
    if known.state == "paused" and request.trigger != "manual":
        raise DeploymentIsPaused(f"deployment {request.deployment_id} is paused and runs only when asked by hand")
    revision = known.activated.revision
    if request.deployment_revision is not None and revision < request.deployment_revision:
        raise RevisionUnknown(f"deployment {request.deployment_id} is at revision {revision}")
    return known.activated


def meant_version(known: KnownModel | None, deployment: DeploymentActivated) -> int:
    """The number of the version that the deployment means now.

    Raises: ModelUnknown, ModelIsArchived, AliasUnknown.
    """
    if known is None:
        raise ModelUnknown(f"there is no model {deployment.model_id}")
    if known.archived:
        raise ModelIsArchived(f"model {deployment.model_id} is archived")
    return _version_number(known, deployment)


def runnable_version(
    version: KnownVersion | None, number: int, deployment: DeploymentActivated, formats: Collection[str]
) -> ModelRegistered:
    """The version of this number.

    Raises: VersionUnknown, VersionIsArchived, VersionIsUnfit, SignatureMissing, FormatNotRunnable.
    """
    if version is None:
        raise VersionUnknown(f"model {deployment.model_id} has no version {number}")
    if version.archived:
        raise VersionIsArchived(f"version {number} of model {deployment.model_id} is archived")
    ensure_fit(version, number, deployment.model_id)
    if version.registered.signature is None:
        raise SignatureMissing(deployment.model_id, number)
    if version.registered.format not in formats:
        raise FormatNotRunnable(f"models of the format {version.registered.format} can't be run here")
    return version.registered


def ensure_fit(version: KnownVersion | None, number: int, model_id: str) -> None:
    """Raises: VersionIsUnfit."""
    if version is not None and version.unfit is not None:
        raise VersionIsUnfit(model_id, number, version.unfit)


def _version_number(known: KnownModel, deployment: DeploymentActivated) -> int:
    if deployment.version is not None:
        return deployment.version
    alias = deployment.alias or ""
    number = resolve(known.aliases, alias, market=deployment.market, brand=deployment.brand)
    if number is None:
        raise AliasUnknown(f"the alias {alias} of model {deployment.model_id} points nowhere for {deployment.market}")
    return number


def dated_input(input_: InputRef, logical_date: datetime | None) -> InputRef:
    """The input with the logical date in its place, as `YYYY-MM-DD` in UTC. Raises: LogicalDateMissing."""
    if LOGICAL_DATE not in input_.uri:
        return input_
    if logical_date is None:
        raise LogicalDateMissing(f"the input {input_.uri} needs a logical date")
    return input_.model_copy(update={"uri": input_.uri.replace(LOGICAL_DATE, logical_date.date().isoformat())})


def merged_params(
    signature: Signature, deployed: Mapping[str, ParamValue], asked: Mapping[str, ParamValue]
) -> dict[str, ParamValue]:
    """The deployment's parameters with the request's over them. Raises: ParameterInvalid."""
    params = {**deployed, **asked}
    fields = {field.name: field for field in signature.params}
    wrong = [_wrong(name, "is no parameter of the model") for name in params if name not in fields]
    for name, field in fields.items():
        if name in params and not field.accepts(params[name]):
            wrong.append(_wrong(name, f"must be of type {field.type}"))
        if name not in params and field.required and field.default is None:
            wrong.append(_wrong(name, "is required"))
    if wrong:
        raise ParameterInvalid(wrong)
    return params


def _wrong(name: str, message: str) -> Violation:
    return Violation(field=f"params.{name}", message=message)
