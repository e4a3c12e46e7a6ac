"""A seeded plan of faults: which process is killed, frozen, asked to end or told to die at a crash point, and when."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Final

from chassis.crash_points import CrashPoint
from infra.embedded.stackfile import service_of

FREEZE_S: Final = {"executor": 20.0, "registry": 18.0}
"""Past every lease and session: leases of 15 s are held here, sessions are of 6 s."""
FREEZE_ELSE_S: Final = 10.0
TOXIC_S: Final = 8.0


class Kind(StrEnum):
    KILL = "kill"
    FREEZE = "freeze"
    END = "end"
    CRASH = "crash"
    CUT = "cut"
    HALF_OPEN = "half-open"
    SLOW = "slow"
    RESET = "reset"


TOXIC: Final = (Kind.CUT, Kind.HALF_OPEN, Kind.SLOW, Kind.RESET)
"""What befalls connections, in a proxy before a server."""


class Role(StrEnum):
    """Processes below the executors, which no supervisor knows."""

    DRIVER = "driver"
    JVM = "jvm"
    WORKER = "worker"
    CHILD = "child"


@dataclass(frozen=True)
class Fault:
    """`target` is a program, a role, or for a crash `<process>.<point>`."""

    at_s: float
    kind: Kind
    target: str


CRASHES: Final[Mapping[str, Sequence[CrashPoint]]] = {
    "registry": (
        CrashPoint.SAVED,
        CrashPoint.PUBLISHED,
        CrashPoint.HANDLED,
        CrashPoint.REFUSED,
        CrashPoint.BURIED,
        CrashPoint.COPIED,
    ),
    "deployer": (
        CrashPoint.SAVED,
        CrashPoint.PUBLISHED,
        CrashPoint.HANDLED,
        CrashPoint.REFUSED,
        CrashPoint.RESERVED,
    ),
    "executor": (
        CrashPoint.SAVED,
        CrashPoint.PUBLISHED,
        CrashPoint.HANDLED,
        CrashPoint.REFUSED,
        CrashPoint.CLAIMED,
        CrashPoint.SCORED,
    ),
    "driver": (CrashPoint.SCORED,),
    "metrics": (CrashPoint.HANDLED, CrashPoint.REFUSED, CrashPoint.BURIED),
}


def plan(seed: int, *, programs: Iterable[str], minutes: float, kills: int, proxies: Iterable[str] = ()) -> list[Fault]:
    """Every process killed `kills` times; each program frozen, each service ended, each crash point ordered, each
    connection hurt in every way once.

    The same seed makes the same plan. Servers aren't asked to end: to them that is no fault.
    """
    chance = Random(seed)  # noqa: S311 - a plan, no secret
    wanted = [*_wanted(sorted(programs), kills), *((kind, each) for each in sorted(proxies) for kind in TOXIC)]
    chance.shuffle(wanted)
    pause_s = minutes * 60 / max(1, len(wanted))
    return [
        Fault(round((number + chance.random()) * pause_s, 1), kind, target)
        for number, (kind, target) in enumerate(wanted)
    ]


def _wanted(programs: Sequence[str], kills: int) -> Iterator[tuple[Kind, str]]:
    for target in (*programs, *Role):
        yield from [(Kind.KILL, target)] * kills
    services = {each for each in programs if service_of(each) in CRASHES}
    for program in programs:
        yield Kind.FREEZE, program
        if program in services:
            yield Kind.END, program
    for process, points in CRASHES.items():
        yield from ((Kind.CRASH, f"{process}.{point}") for point in points)
