"""What somebody else's code said, as everybody may read it: without the paths, addresses and traces of a machine.

It needs nothing but the standard library: the sandbox's child and the services say it by the same function.
"""

import ipaddress
import re
from typing import Final

_MOST: Final = 20_000
_TRACE: Final = re.compile(
    r"\s*(?:"
    r"Stack trace:|Driver stacktrace:"
    r"|(?:\+ )?(?:Exception Group )?Traceback \(most recent call last\)"
    r'|\bFile "[^"\n]*", line \d'
    r"|\bat [\w.$<>/@-]+\((?:[\w$-]+\.\w+(?::\d+)?|Native Method|Unknown Source)\)"
    r").*",
    re.DOTALL,
)
_IPV4: Final = r"\d{1,3}(?:\.\d{1,3}){3}"
_STEP: Final = r"[\w.@+~=%:,-]*[\w.@+~=%-]"
_KINDS: Final = {
    "s3": r"\bs3://[^\s'\"<>]*",
    "url": r"\b[A-Za-z][\w+.-]{0,30}://[^\s'\"<>]*",
    "quoted": r"(?P<quote>['\"])(?:[A-Za-z]:)?[\\/](?:[^'\"\n\\/]*[\\/])+[^'\"\n\\/]*(?P=quote)",
    "java": rf"(?<![\w.-])[\w.-]{{0,100}}/{_IPV4}:\d+",
    "path": rf"(?<![\w/)\]}}])(?:/+{_STEP}){{2,}}/*",
    "windows": r"(?<!\w)(?:[A-Za-z]:[\\/]+|\\\\+)[^\s:*?\"<>|']*",
    "v4": rf"(?<![\w.]){_IPV4}(?::\d+)?(?!\w|\.\d)",
    "v6": r"(?<![\w:.])[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*[0-9A-Fa-f:](?!\w)",
    "host": r"(?<![\w./-])(?:localhost|[A-Za-z][\w-]*(?:\.[\w-]+)+):\d{4,5}(?!\w)",
}
_FOUND: Final = re.compile("|".join(f"(?P<{kind}>{what})" for kind, what in _KINDS.items()))
_ENDS: Final = re.compile(r"[\\/]+")
_DIGITS: Final = frozenset("0123456789")
_ADDRESS: Final = "[address]"


def plain(text: str) -> str:
    """On one line, without stack traces; of a path its last step is left, and of addresses those in S3 alone."""
    return " ".join(_FOUND.sub(_said, _TRACE.sub("", text[:_MOST])).split())


def _said(found: re.Match[str]) -> str:
    match found.lastgroup:
        case "s3":
            return found[0]
        case "path" | "windows":
            return _last_step(found[0])
        case "quoted":
            return found["quote"] + _last_step(found[0][1:-1]) + found["quote"]
        case "v6":
            return _without_address(found[0])
        case _:
            return _ADDRESS


def _last_step(path: str) -> str:
    return _ENDS.split(path.rstrip("\\/"))[-1]


def _without_address(text: str) -> str:
    """Times, and names with colons (`a::b`), look like one; and one may stand before a colon."""
    for address in (text, text[:-1]):
        if not _DIGITS.isdisjoint(address) and _is_address(address):
            return _ADDRESS + text.removeprefix(address)
    return text


def _is_address(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True
