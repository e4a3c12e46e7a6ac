"""What a rule says when a history breaks it."""

from dataclasses import dataclass
from typing import Final

_SHOWN: Final = 12


@dataclass(frozen=True)
class Violation:
    """A promise that was broken, of whom, and the events or documents that show it."""

    rule: str
    subject: str
    message: str
    evidence: tuple[object, ...] = ()

    def __str__(self) -> str:
        lines = [f"{self.rule}: {self.subject}: {self.message}"]
        lines += [f"    {each}" for each in self.evidence[:_SHOWN]]
        if len(self.evidence) > _SHOWN:
            lines.append(f"    … and {len(self.evidence) - _SHOWN} more")
        return "\n".join(lines)
