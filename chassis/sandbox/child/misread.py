"""Why a text was not read as a type: in words that say what to change, and never with the text itself."""

import re
from typing import Final

from .text import NUMBER, THOUSANDS

_MAX_LOOKED_AT: Final = 64
_DIGITS: Final = re.compile(r"[0-9]")
_THOUSANDS: Final = "a number with marks between thousands, which may be read in two ways: write it without them"
_COMMA: Final = (
    "a number with a comma, which may stand for decimals or thousands: write a point, and thousands unmarked"
)
_NUMBERS: Final = (
    (re.compile(r"[-+]?0[xXoObB][0-9a-fA-F]+"), "a number that isn't decimal"),
    (
        re.compile(r".*[$€£¥₹¢].*|.*[0-9]\s?[A-Z]{3}|[A-Z]{3}\s?[-+0-9].*"),
        "a number with a currency: write the number alone",
    ),
    (re.compile(r"[^a-zA-Z]*[%‰]"), "a number with a percent sign: write its share, such as 0.05"),
    (re.compile(r"[-+]?[0-9.' \u00a0\u202f\u2019]*,[0-9.,' \u00a0\u202f\u2019]*-?"), _COMMA),
    (re.compile(r"[-+]?[0-9]{1,3}(?:[.'_ \u00a0\u202f\u2019][0-9]{3})+"), _THOUSANDS),
    (re.compile(r"\([0-9.]+\)|[0-9.]+-"), "a negative number without a minus before it"),
)
_MARKS: Final = re.compile(
    r"[-–—.?*/]+|n\.?\s?a\.?|n/d|#[A-Z0-9/]+[!?]?|missing|unknown|none|nil|void|k\.?\s?a\.?", re.IGNORECASE
)
_MARK: Final = "a mark for a missing value that isn't known here: leave the field empty"
_DATE: Final = "a time that isn't written as ISO 8601 has it, such as 2026-12-31 or 2026-12-31T23:59:59Z"
_MOMENT: Final = re.compile(r"[0-9]{4}-?[0-9]{2}-?[0-9]{2}(?:[T ].*)?")
FAR: Final = "a time outside of the years 1677 to 2262, or with more than nanoseconds, or none at all"


def why(text: str, kind: str) -> str:
    """The reason to reject a row for a `text` that isn't read as `kind`, a type of the signature's."""
    looked_at = text.strip()
    if len(looked_at) > _MAX_LOOKED_AT:
        return f"a text that can't be read as {kind}"
    if _MARKS.fullmatch(looked_at):
        return _MARK
    if kind in {"integer", "long", "float", "double"}:
        return _why_no_number(looked_at, kind)
    if kind == "datetime":
        return FAR if _MOMENT.fullmatch(looked_at) else _DATE
    return "a text that can't be read as boolean (true, t, yes, 1, false, f, no and 0 can)"


def _why_no_number(text: str, kind: str) -> str:
    if THOUSANDS.fullmatch(text):
        return _THOUSANDS
    if re.fullmatch(NUMBER, text):
        return f"a number that can't be read as {kind} without loss"
    if _DIGITS.search(text):
        for pattern, reason in _NUMBERS:
            if pattern.fullmatch(text):
                return reason
    return f"a text that can't be read as {kind}"
