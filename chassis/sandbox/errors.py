"""What goes wrong with a sandbox, as its user's own process sees it."""

from typing import Any, Final

from chassis.errors import PlatformError

CODES: Final = frozenset(
    {
        "artifact-unreadable",
        "input-corrupt",
        "model-failed",
        "model-unsupported",
        "prediction-shape",
        "signature-mismatch",
    }
)
"""What a child may say; anything else becomes `model-failed`."""


class SandboxUnavailable(PlatformError):
    """Nothing can be held here: bubblewrap or the interpreter isn't there, or namespaces are forbidden."""

    code = "sandbox-unavailable"


class SandboxTrialLost(PlatformError):
    """The trial of the sandbox was killed, or the machine too busy for it: that says nothing about the sandbox."""

    code = "worker-lost"
    retryable = True


class ChildDied(Exception):
    """The child's process has ended; the text says how, with its last words."""


class ChildGarbled(Exception):
    """The child's answer isn't one: nothing of it is believed."""


class ChildFailed(Exception):
    """The child answered with a failure. `row`: the chunk's row that it is about, if it is about one."""

    def __init__(self, answer: dict[str, Any]) -> None:
        super().__init__(str(answer.get("message", "")))
        code = answer.get("code")
        self.code = code if isinstance(code, str) and code in CODES else "model-failed"
        self.row: int | None = answer["row"] if isinstance(answer.get("row"), int) else None
