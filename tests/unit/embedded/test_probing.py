import threading
import time

from infra.embedded.errors import NotReady
from infra.embedded.probing import READY, answers


def _refuse() -> None:
    raise NotReady("no primary\nand more")


def test_each_part_is_ready_or_says_why_not():
    found = answers({"mongo": _refuse, "s3": lambda: None}, within_s=5)
    assert found == {"mongo": "no primary", "s3": READY}


def test_a_part_that_says_nothing_holds_up_nobody():
    forever = threading.Event()
    begun = time.monotonic()
    found = answers({"frozen": lambda: forever.wait() and None, "s3": lambda: None}, within_s=0.2)
    assert found == {"frozen": "no answer within 0.2 s", "s3": READY}
    assert time.monotonic() - begun < 1
    forever.set()
