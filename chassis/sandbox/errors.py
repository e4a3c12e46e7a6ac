"""What goes wrong with a sandbox, as its user's own process sees it."""

from typing import Any, Final

from chassis.errors import PlatformError
from chassis.sandbox.child.plain_words import plain
from chassis.sandbox.output_lines import cleaned

CODES: Final = frozenset(
    {
        "artifact-format-mismatch",
        "artifact-unreadable",
        "column-conflict",
        "dataset-schema-mismatch",
        "dataset-unfit",
        "dataset-unreadable",
        "input-corrupt",
        "input-duplicate-column",
        "input-empty",
        "input-missing-column",
        "input-mixed-schemas",
        "input-unfit",
        "model-failed",
        "model-unsupported",
        "prediction-shape",
        "signature-mismatch",
    }
)
"""What a child may say; anything else becomes `model-failed`."""
_MAX_MESSAGE: Final = 2_000
_MAX_DETAIL: Final = 8_000


class SandboxError(PlatformError):
    """`detail` is what the machine said of it, for logs alone."""

    def __init__(self, message: str, *, detail: str = "") -> None:
        super().__init__(message)
        self.detail = detail


class SandboxUnavailable(SandboxError):
    """Nothing can be held here: bubblewrap or the interpreter isn't there, or namespaces are forbidden."""

    code = "sandbox-unavailable"


class SandboxTrialLost(SandboxError):
    """The trial of the sandbox was killed, or the machine too busy for it: that says nothing about the sandbox."""

    code = "worker-lost"
    retryable = True


class ChildDied(Exception):
    """The child's process has ended; the text says how.

    `lost`: it was killed by something that is neither it nor one of its limits, which says nothing about what it had.
    """

    def __init__(self, how: str, *, lost: bool = False) -> None:
        super().__init__(how)
        self.lost = lost


class ChildGarbled(Exception):
    """The child's answer isn't one: nothing of it is believed."""


class ChildFailed(Exception):
    """The child answered with a failure. `row`: the chunk's row that it is about; `detail`: for the log alone."""

    def __init__(self, answer: dict[str, Any]) -> None:
        super().__init__(cleaned(plain(str(answer.get("message", ""))), _MAX_MESSAGE))
        code, row, detail = answer.get("code"), answer.get("row"), answer.get("detail")
        self.code = code if isinstance(code, str) and code in CODES else "model-failed"
        self.row: int | None = row if isinstance(row, int) and row >= 0 else None
        self.detail = detail[:_MAX_DETAIL] if isinstance(detail, str) else ""
