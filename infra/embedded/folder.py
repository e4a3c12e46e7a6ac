"""Whose the data folder is: a stack keeps its files only in one that is its own, and deletes only what stacks make."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from infra.embedded.errors import StackError
from infra.embedded.files import PRIVATE, read_json
from infra.embedded.layout import MADE, Layout

_NAME: Final = "stack"
_OWN_FOLDER: Final = "name a folder of its own with MLP_RUN_FOLDER"
_MARK: Final = "This folder was made by an embedded stack: `make clean` deletes from it what the stack made.\n"
# What only a supervisor of ours is told.
_SUPERVISED: Final = "infra.embedded.pids:follow"
_SHARED: Final = ("data", "logs")
_TOLD: Final = 10


def claim(layout: Layout) -> None:
    """Make the data folder, or take it as it is, and mark it as the stack's.

    Raises:
        StackError: it can't be made, or what lies there is not for a stack to change.
    """
    _refuse_what_is_more(layout)
    try:
        layout.data.mkdir(parents=True, exist_ok=True)
        # In this order: what another `up` makes meanwhile comes after its mark.
        taken = sorted({found.relative_to(layout.data).parts[0] for found in _made(layout)} | _shared(layout))
        if not adopt(layout):
            if taken:
                problem = f"{layout.data} holds {', '.join(taken)}, which no stack made"
                raise StackError(_NAME, problem, remedy=_OWN_FOLDER)
            _mark(layout)
    except OSError as error:
        raise StackError(_NAME, f"{layout.data}: {error.strerror}", remedy=_OWN_FOLDER) from error


def adopt(layout: Layout) -> bool:
    """Whether the data folder is a stack's; one that an earlier release made gets its mark now."""
    if _is_file(layout.mark):
        return True
    if not _of_an_earlier_release(layout):
        return False
    _mark(layout)
    return True


def check_deletable(layout: Layout, given: Path) -> None:
    """Look whether all that stacks make may be deleted from the data folder, as it was `given`.

    Raises:
        StackError: it may not, since the folder isn't a stack's.
    """
    if given.is_symlink():
        problem = f"{given} is a link to {layout.data}"
        raise StackError(_NAME, problem, remedy="nothing is deleted; if that is the stack's folder, name it itself")
    _refuse_what_is_more(layout)
    if not layout.data.exists():
        return
    if not layout.data.is_dir() or (any(layout.data.iterdir()) and not adopt(layout)):
        problem = f"{layout.data} is no stack's folder"
        raise StackError(_NAME, problem, remedy="nothing is deleted; name the stack's folder with MLP_RUN_FOLDER")


def delete(layout: Layout) -> list[Path]:
    """Delete what stacks make, and the folder if that was all; whoever calls holds its lock.

    Returns:
        What is left, since no stack made it.

    Raises:
        StackError: something can't be deleted; the rest is, and the folder is still a stack's.
    """
    failed = [f"{path} ({error})" for path in list(_made(layout)) if (error := _delete(path))]
    if failed:
        raise StackError(_NAME, f"can't delete {', '.join(failed)}", remedy="make that possible, and clean again")
    left = [path for path in _rest(layout) if path != layout.mark]
    layout.mark.unlink(missing_ok=True)
    if not left and (error := _delete_empty(layout.data)):
        raise StackError(_NAME, f"can't delete {layout.data} ({error})", remedy="all that was in it is deleted")
    return left


def told(data: Path, left: list[Path]) -> str:
    """What `clean` says of a folder in which `left` is left."""
    if not left:
        return f"deleted {data}"
    names = [str(path.relative_to(data.resolve())) for path in left]
    more = f" and {len(names) - _TOLD} more" if len(names) > _TOLD else ""
    return f"deleted what the stack made in {data}; left what it didn't: {', '.join(names[:_TOLD])}{more}"


def _made(layout: Layout) -> Iterator[Path]:
    for pattern in MADE:
        # What a link leads to is elsewhere.
        if not (layout.data / pattern).parent.is_symlink():
            yield from layout.data.glob(pattern)


def _shared(layout: Layout) -> set[str]:
    return {name for name in _SHARED if os.path.lexists(layout.data / name)}


def _rest(layout: Layout) -> list[Path]:
    """What lies in the folder, once what is empty of the folders that hold others' files as well is gone."""
    left: list[Path] = []
    for path in sorted(layout.data.iterdir()) if layout.data.is_dir() else ():
        if path.name not in _SHARED or path.is_symlink() or not path.is_dir():
            left.append(path)
        elif _delete_empty(path):
            left += sorted(path.iterdir())
    return left


def _refuse_what_is_more(layout: Layout) -> None:
    """Neither a home, nor a checkout, nor what they lie in, can be a stack's own."""
    for kept, name in ((layout.root.resolve(), "the checkout"), (_home(), "the home folder")):
        if kept.is_relative_to(layout.data):
            holds = "is" if kept == layout.data else "holds"
            raise StackError(_NAME, f"{layout.data} {holds} {name}", remedy=_OWN_FOLDER)


def _home() -> Path:
    try:
        return Path.home().resolve()
    except RuntimeError:  # A user without one.
        return Path("/")


def _of_an_earlier_release(layout: Layout) -> bool:
    """Whether something lies there that only a stack writes."""
    try:
        if _is_file(layout.supervisor_ini) and _SUPERVISED in layout.supervisor_ini.read_text():
            return True
        return _is_file(layout.stack_file) and isinstance(read_json(layout.stack_file).get("servers"), dict)
    except (OSError, ValueError, AttributeError):
        return False


def _mark(layout: Layout) -> None:
    try:
        descriptor = os.open(layout.mark, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
    except FileExistsError:
        if _is_file(layout.mark):
            return
        raise
    with os.fdopen(descriptor, "w") as file:
        file.write(_MARK)


def _is_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _delete(path: Path) -> str | None:
    """Returns why not."""
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        return error.strerror
    return None


def _delete_empty(path: Path) -> str | None:
    """Returns why not."""
    try:
        path.rmdir()
    except OSError as error:
        return error.strerror
    return None
