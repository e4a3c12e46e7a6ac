"""`make clean` where nothing is installed: the same rules, with no more than a Python."""

import os
import shutil
import sys
from pathlib import Path

from infra.embedded import folder
from infra.embedded.errors import StackError
from infra.embedded.files import locked
from infra.embedded.layout import CHECKOUT, Layout
from infra.embedded.postgres_files import folder_elsewhere


def clean(given: Path) -> str:
    """Delete what the stack made there; what `make clean` says of it.

    Raises:
        StackError: the folder isn't a stack's, or its stack still runs.
    """
    layout = Layout(CHECKOUT, given.resolve(), Path())
    folder.check_deletable(layout, given)
    left: list[Path] = []
    if folder.adopt(layout):
        with locked(layout.mark, make=False):
            if _runs(layout.stack_id):
                raise StackError("stack", "it still runs", remedy="`make setup`, and clean again")
            left = folder.delete(layout)
    for each in (layout.drivers, folder_elsewhere(layout)):
        shutil.rmtree(each, ignore_errors=True)
    return folder.told(given, left)


def _runs(stack_id: str) -> bool:
    """Whether any process carries the stack's mark (orphans.py)."""
    mark = f"ML_PLATFORM_STACK={stack_id}".encode()
    for process in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark in process.read_bytes().split(b"\0"):
                return True
        except OSError:  # Gone meanwhile, or another user's.
            continue
    return False


if __name__ == "__main__":
    try:
        sys.stdout.write(clean(Path(os.environ.get("MLP_RUN_FOLDER") or CHECKOUT / ".run")) + "\n")
    except StackError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(1)
