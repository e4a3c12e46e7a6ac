"""Dead letters on a terminal, which what strangers wrote must not steer."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from chassis.deadletters.difference import Difference
from chassis.deadletters.letters import Letter
from chassis.deadletters.office import Status
from chassis.documents.decisions import Decision

Found = tuple[Letter, Decision | None]

_MESSAGE_LENGTH: Final = 60
_BODY_LENGTH: Final = 4000
_VALUE_LENGTH: Final = 160
_COLOURS: Final = {
    Status.OPEN: "red",
    Status.FAILED: "red",
    Status.REPLAYING: "yellow",
    Status.REPLAYED: "green",
    Status.DROPPED: "dim",
}


def printable(text: str, limit: int | None = None) -> str:
    """`text` with nothing in it that moves a cursor, turns the writing or hides; cut at `limit` characters."""
    cut = text if limit is None or len(text) <= limit else text[: limit - 1] + "…"
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in cut)


def as_table(found: Iterable[Found]) -> Table:
    """One line a letter."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("id", "when (UTC)", "original", "type", "key", "code", "message", "state"):
        table.add_column(name, overflow="fold", no_wrap=name == "id")
    for letter, decision in found:
        status = Status.of(decision)
        table.add_row(
            letter.id,
            f"{letter.failed_at:%m-%d %H:%M:%S}",
            _text(str(letter.original)),
            _text(letter.ce_type or "?", _MESSAGE_LENGTH),
            _text(letter.subject, _MESSAGE_LENGTH),
            _text(letter.code),
            _text(letter.message, _MESSAGE_LENGTH),
            Text(status, style=_COLOURS[status]),
        )
    return table


def as_json(found: Sequence[Found]) -> str:
    """The same for programs, with messages whole."""
    return json.dumps([_described(*each) for each in found], indent=2, ensure_ascii=True)


def whole(letter: Letter, decision: Decision | None, difference: Difference) -> RenderableType:
    """All that there is to see of one letter."""
    parts: list[RenderableType] = [
        _pairs(_about(letter, decision).items()),
        Text("\nHeaders, less secret ones", style="bold"),
        _pairs((name, value.decode(errors="backslashreplace")) for name, value in letter.headers),
        Text("\nBody", style="bold"),
        Text(_body(letter.value)),
        Text("\nDifference to the schema", style="bold"),
        _text(difference.said),
    ]
    if difference.rows:
        parts.append(_rows(difference))
    return Group(*parts)


def _about(letter: Letter, decision: Decision | None) -> dict[str, str]:
    about = {
        "id": letter.id,
        "given up": f"{letter.failed_at:%Y-%m-%d %H:%M:%S} UTC by {letter.service}, after {letter.attempts} attempt(s)",
        "original": str(letter.original),
        "type": letter.ce_type or "?",
        "key": letter.subject,
        "error": f"{letter.code}: {letter.message}",
        "state": Status.of(decision).value,
    }
    if letter.actor is not None:
        about["actor"] = letter.actor
    if letter.cut:
        about["cut"] = ", ".join(f"{part} had {size} bytes" for part, size in letter.cut.items())
    if letter.is_redacted:
        about["redacted"] = "a token was cut out"
    if decision is not None:
        why = f" because {decision.reason}" if decision.reason else ""
        how = f": {decision.outcome}" if decision.outcome else ""
        about["decision"] = f"{decision.verb} by {decision.by} at {decision.at:%Y-%m-%d %H:%M:%S} UTC{why}{how}"
    return about


def _described(letter: Letter, decision: Decision | None) -> dict[str, Any]:
    return {
        "id": letter.id,
        "service": letter.service,
        "failed_at": letter.failed_at.isoformat(),
        "original": vars(letter.original),
        "ce_type": letter.ce_type,
        "subject": letter.subject,
        "code": letter.code,
        "message": letter.message,
        "attempts": letter.attempts,
        "cut": dict(letter.cut),
        "redacted": letter.is_redacted,
        "state": Status.of(decision).value,
        "decided_by": decision.by if decision else None,
        "outcome": decision.outcome if decision else None,
    }


def _body(value: bytes | None) -> str:
    if value is None:
        return "(none)"
    try:
        pretty = json.dumps(json.loads(value), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return f"{len(value)} bytes that are no JSON, from the beginning: {value[: _BODY_LENGTH // 4]!r}"
    lines = "\n".join(printable(line) for line in pretty[:_BODY_LENGTH].splitlines())
    return lines if len(pretty) <= _BODY_LENGTH else f"{lines}\n… ({len(value)} bytes in all)"


def _rows(difference: Difference) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("field", "there", "wanted", ""):
        table.add_column(name, overflow="fold")
    for row in difference.rows:
        verdict = Text("ok", style="green") if row.wrong is None else _text(row.wrong, style="red")
        table.add_row(_text(row.field, _VALUE_LENGTH), _text(row.there, _VALUE_LENGTH), _text(row.wanted), verdict)
    return table


def _pairs(pairs: Iterable[tuple[str, str]]) -> Table:
    table = Table.grid(padding=(0, 2))
    for name, value in pairs:
        table.add_row(_text(name, _VALUE_LENGTH, style="cyan"), _text(value, _VALUE_LENGTH * 4))
    return table


def _text(text: str, limit: int | None = None, *, style: str = "") -> Text:
    return Text(printable(text, limit), style=style)
