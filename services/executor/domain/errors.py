"""Why the executor says no: each a stable code, and the request's field that it is about."""

from collections.abc import Sequence
from typing import ClassVar

from schemas.refusals import Violation
from schemas.values import ErrorInfo


class RuleBroken(Exception):
    """A request that the rules don't allow. `str()` of it is for people."""

    code: ClassVar[str]
    field: ClassVar[str] = ""

    @property
    def violations(self) -> Sequence[Violation]:
        return (Violation(field=self.field, message=str(self)),)


class ExecutionUnknown(RuleBroken):
    code = "execution-unknown"
    field = "execution_id"


class ExecutionIdConflict(RuleBroken):
    code = "execution-id-conflict"
    field = "execution_id"


class AlreadyFinished(RuleBroken):
    code = "already-finished"
    field = "execution_id"


class TriggerNotAllowed(RuleBroken):
    code = "trigger-not-allowed"
    field = "trigger"


class DeploymentUnknown(RuleBroken):
    code = "deployment-unknown"
    field = "deployment_id"


class DeploymentIsRetired(RuleBroken):
    code = "deployment-retired"
    field = "deployment_id"


class DeploymentIsPaused(RuleBroken):
    code = "deployment-paused"
    field = "trigger"


class RevisionUnknown(RuleBroken):
    code = "revision-unknown"
    field = "deployment_revision"


class ModelUnknown(RuleBroken):
    code = "model-unknown"
    field = "deployment_id"


class ModelIsArchived(RuleBroken):
    code = "model-archived"
    field = "deployment_id"


class AliasUnknown(RuleBroken):
    code = "alias-unknown"
    field = "deployment_id"


class VersionUnknown(RuleBroken):
    code = "version-unknown"
    field = "deployment_id"


class VersionIsArchived(RuleBroken):
    code = "version-archived"
    field = "deployment_id"


class VersionIsUnfit(RuleBroken):
    """It was registered by earlier rules; inspected by those of now, it would be refused."""

    code = "version-unfit"
    field = "deployment_id"

    def __init__(self, model_id: str, version: int, unfit: ErrorInfo) -> None:
        super().__init__(
            f"version {version} of model {model_id} isn't run any more ({unfit.code}: {unfit.message}):"
            " deploy a version that is fit, or point the alias at one"
        )


class SignatureMissing(RuleBroken):
    code = "signature-missing"
    field = "deployment_id"

    def __init__(self, model_id: str, version: int) -> None:
        super().__init__(f"version {version} of model {model_id} has no signature: register a version that has one")


class FormatNotRunnable(RuleBroken):
    code = "format-not-runnable"
    field = "deployment_id"


class LogicalDateMissing(RuleBroken):
    code = "logical-date-missing"
    field = "logical_date"


class ParameterInvalid(RuleBroken):
    """Parameters that the signature doesn't have, of another type, or missing."""

    code = "parameter-invalid"

    def __init__(self, wrong: Sequence[Violation]) -> None:
        super().__init__("the parameters are not what the model's signature asks for")
        self._wrong = tuple(wrong)

    @property
    def violations(self) -> Sequence[Violation]:
        return self._wrong


class LeaseLost(Exception):
    """An attempt speaks that doesn't hold the execution any more; its words change nothing."""
