"""Why the deployer says no: each a stable code, and what is wrong with which field of the request."""

from collections.abc import Sequence
from typing import ClassVar

from schemas.refusals import Violation


class RuleBroken(Exception):
    """A request that can't be granted. `str()` of it is for people."""

    code: ClassVar[str]
    field: ClassVar[str] = ""

    def __init__(self, message: str, *, violations: Sequence[Violation] = ()) -> None:
        super().__init__(message)
        self.violations = tuple(violations) or (Violation(field=self.field, message=message),)


class DeploymentUnknown(RuleBroken):
    code = "deployment-unknown"
    field = "deployment_id"


class DeploymentIsRetired(RuleBroken):
    code = "deployment-retired"
    field = "deployment_id"


class AlreadyPaused(RuleBroken):
    code = "already-paused"
    field = "action"


class NotPaused(RuleBroken):
    code = "not-paused"
    field = "action"


class RevisionConflict(RuleBroken):
    code = "revision-conflict"
    field = "expected_revision"


class DependencyUnknown(RuleBroken):
    """What it is to run after isn't there, or runs no more."""

    code = "deployment-unknown"
    field = "after"


class DependencyCycle(RuleBroken):
    code = "dependency-cycle"
    field = "after"


class ModelUnknown(RuleBroken):
    code = "model-unknown"
    field = "model_id"


class ModelIsArchived(RuleBroken):
    code = "model-archived"
    field = "model_id"


class VersionUnknown(RuleBroken):
    code = "version-unknown"
    field = "version"


class VersionIsArchived(RuleBroken):
    code = "version-archived"
    field = "version"


class VersionIsUnfit(RuleBroken):
    """It was registered by earlier rules; inspected by those of now, it would be refused."""

    code = "version-unfit"
    field = "version"


class AliasUnknown(RuleBroken):
    code = "alias-unknown"
    field = "alias"


class SignatureMissing(RuleBroken):
    code = "signature-missing"
    field = "model_id"


class FormatNotRunnable(RuleBroken):
    code = "format-not-runnable"
    field = "model_id"


class MarketNotAllowed(RuleBroken):
    code = "market-not-allowed"
    field = "market"


class BrandNotAllowed(RuleBroken):
    code = "brand-not-allowed"
    field = "brand"


class ParameterInvalid(RuleBroken):
    code = "parameter-invalid"


class ScheduleInvalid(RuleBroken):
    code = "schedule-invalid"
    field = "schedule.cron"
