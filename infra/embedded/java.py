"""The machine's Java."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from infra.embedded.errors import StackError


def java_executable(environ: Mapping[str, str], *, part: str) -> str:
    """`$JAVA_HOME/bin/java`, or the one on the PATH.

    Raises:
        StackError: there is none.
    """
    home = environ.get("JAVA_HOME")
    if home and (Path(home) / "bin" / "java").is_file():
        return str(Path(home) / "bin" / "java")
    found = shutil.which("java", path=environ.get("PATH"))
    if found is None:
        raise StackError(part, "there is no Java", remedy="install it with `make setup`, or a JDK 17 by hand")
    return found
