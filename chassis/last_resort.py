"""Ends a process that has to end and may not be able to: the supervisor starts it again.

Whatever holds it up, a task that nothing cancels or a call that never returns, the interpreter's own thread ends it
with status 1 and says where each thread stood.
"""

import faulthandler
from typing import Final

LEAVES_WITHIN_S: Final = 20.0


def end_process(*, within_s: float = LEAVES_WITHIN_S) -> None:
    """Unless it has ended by itself until then."""
    faulthandler.dump_traceback_later(within_s, exit=True)
