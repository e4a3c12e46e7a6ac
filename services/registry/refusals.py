"""The registry's refusals: what the domain forbids, and what is wrong with the bytes that a request points at."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import ClassVar, Final

from chassis.errors import Refusal
from schemas.refusals import Violation
from services.registry.domain.errors import RuleBroken


class NotAllowed(Refusal):
    """The domain's no, with the domain's code."""

    def __init__(self, broken: RuleBroken) -> None:
        super().__init__(str(broken), violations=[Violation(field=broken.field, message=str(broken))])
        self.code = broken.code  # pyright: ignore[reportAttributeAccessIssue]


@contextmanager
def refusing() -> Generator[None]:
    """Turn what the domain forbids into a refusal."""
    try:
        yield
    except RuleBroken as broken:
        raise NotAllowed(broken) from broken


class FieldRefusal(Refusal):
    """A refusal that is about one field of the request."""

    field: ClassVar[str]

    def __init__(self, message: str) -> None:
        super().__init__(message, violations=[Violation(field=self.field, message=message)])


class ArtifactMissing(FieldRefusal):
    code = "artifact-missing"
    field = "artifact.uri"


class ArtifactForbidden(FieldRefusal):
    """The store doesn't let the platform read it."""

    code = "artifact-forbidden"
    field = "artifact.uri"


class ArtifactUnfit(FieldRefusal):
    """The store doesn't give it as it is: archived, encrypted with a lost key, oddly named."""

    code = "artifact-unfit"
    field = "artifact.uri"


class ArtifactChanged(FieldRefusal):
    """Somebody wrote to it while it was being read."""

    code = "artifact-changed"
    field = "artifact.uri"


class ArtifactTooLarge(FieldRefusal):
    code = "artifact-too-large"
    field = "artifact.uri"


class ArtifactPathInvalid(FieldRefusal):
    """An object under the prefix has a name that can't be kept."""

    code = "artifact-path-invalid"
    field = "artifact.uri"


class ArtifactDigestMismatch(FieldRefusal):
    code = "artifact-digest-mismatch"
    field = "artifact.sha256"


class ArtifactFormatMismatch(FieldRefusal):
    code = "artifact-format-mismatch"
    field = "format"


class ArtifactUnreadable(FieldRefusal):
    """The model can't be loaded: broken, or it needs packages that aren't there."""

    code = "artifact-unreadable"
    field = "artifact.uri"


class ModelUnsupported(FieldRefusal):
    """The model can't be scored rightly here, whatever its signature."""

    code = "model-unsupported"
    field = "artifact.uri"


class SignatureMismatch(FieldRefusal):
    """What the model needs isn't what its signature says."""

    code = "signature-mismatch"
    field = "signature.inputs"


class ModelCrashed(FieldRefusal):
    """The process that loaded the model ended."""

    code = "model-crashed"
    field = "artifact.uri"


class ModelNotLoaded(ModelCrashed):
    """It took too long, or was killed by others: nobody gets in with it, but the machine may be to blame."""


class NotInspected(FieldRefusal):
    """Nothing can be looked at here: there is no sandbox."""

    code = "sandbox-unavailable"
    field = "artifact.uri"


INSPECTED: Final[Mapping[str, type[FieldRefusal]]] = {
    each.code: each for each in (ArtifactFormatMismatch, ArtifactUnreadable, ModelUnsupported, SignatureMismatch)
}
"""By what a sandboxed child says of a model."""


class DatasetEmpty(FieldRefusal):
    code = "dataset-empty"
    field = "uri"


class DatasetForbidden(FieldRefusal):
    """The store doesn't let the platform read it."""

    code = "dataset-forbidden"
    field = "uri"


class DatasetUnfit(FieldRefusal):
    """The store doesn't give one of its objects as it is: archived, encrypted with a lost key, oddly named."""

    code = "dataset-unfit"
    field = "uri"


class DatasetUnreadable(FieldRefusal):
    code = "dataset-unreadable"
    field = "uri"


class DatasetNotInspected(FieldRefusal):
    """Nothing can be looked at here: there is no sandbox."""

    code = "sandbox-unavailable"
    field = "uri"


class DatasetSchemaMismatch(FieldRefusal):
    """Its objects have different columns."""

    code = "dataset-schema-mismatch"
    field = "uri"


class DatasetTooLarge(FieldRefusal):
    code = "dataset-too-large"
    field = "uri"


class DatasetChanged(FieldRefusal):
    """Somebody wrote to it while it was being read."""

    code = "dataset-changed"
    field = "uri"


class RegistrationFailed(Refusal):
    """It failed again and again while all that it needs was well; the service's log says how."""

    code = "registration-failed"
