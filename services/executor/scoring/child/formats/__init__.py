"""Model formats: a file each, named like the format (`-` as `_`). Adding one is adding a file.

A format says three things:

- `CARRIES_CODE`: whether a file of it may run code when it is loaded. Then it is only ever loaded in the sandbox.
- `inspect(source) -> Inspection`: what the file says about itself, read without running anything in it.
- `load(source) -> Model`: the model, whose `predict` takes the signature's columns.

Libraries are imported inside these functions: most processes need one format, and none needs all.
"""

import importlib
import pkgutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

# ruff: noqa: TID252 - in the sandbox this package has another name
from ..conversion import Column
from ..scoring import Model


class SignatureMismatch(Exception):
    """What the model needs isn't what its signature says; the text names both."""


@dataclass(frozen=True)
class Source:
    """What a model is loaded from (a file or a folder) and for."""

    path: Path
    entrypoint: str | None
    inputs: tuple[Column, ...]
    outputs: tuple[Column, ...] = ()
    params: dict[str, Any] = field(default_factory=dict[str, Any])

    def file(self, *suffixes: str) -> Path:
        """The artifact itself, or in a folder its entry point or only model file.

        Raises:
            FileNotFoundError: it isn't one file; the text says what to name.
        """
        if self.path.is_file():
            return self.path
        if self.entrypoint:
            return inside(self.path, self.entrypoint)
        found = sorted(item for item in self.path.rglob("*") if item.suffix in suffixes)
        if len(found) != 1:
            raise FileNotFoundError(
                f"{len(found)} files of the artifact end in {', '.join(suffixes)}: name an entry point"
            )
        return found[0]

    def order_of(self, names: Sequence[str] | None, count: int | None) -> list[int] | None:
        """Where the model's columns are among the signature's: by name, or by place where the model has no names.

        Args:
            names: the model's inputs, None where it knows no names.
            count: how many it has, None where it doesn't say.

        Returns:
            Positions in the signature's inputs; None: as they are.

        Raises:
            SignatureMismatch: the signature lacks an input, or has another number of them.
        """
        ours = [column.name for column in self.inputs]
        if names is not None and set(names) <= set(ours):
            positions = [ours.index(name) for name in names]
            return None if positions == list(range(len(ours))) else positions
        lacking = [name for name in names or () if name not in ours]
        if names is not None and not (len(lacking) == len(names) and _are_places(names)):
            raise SignatureMismatch(f"the model requires {_listed(lacking)}, which the signature doesn't have")
        needed = count if names is None else len(names)
        if needed is not None and needed != len(ours):
            raise SignatureMismatch(f"the model requires {needed} inputs and the signature has {len(ours)}")
        return None


@dataclass(frozen=True)
class Inspection:
    """What a model's file says about itself. `inputs` of None: nothing."""

    what: str
    inputs: tuple[str, ...] | None = None
    packages: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if value}


class Format(Protocol):
    """What a module of this package is."""

    CARRIES_CODE: bool

    def inspect(self, source: Source) -> Inspection: ...

    def load(self, source: Source) -> Model:
        """Raises whatever the library raises, or `SignatureMismatch`."""
        ...


def names() -> frozenset[str]:
    """The formats there are."""
    return frozenset(module.name.replace("_", "-") for module in pkgutil.iter_modules(__path__))


def find(name: str) -> Format:
    """Raises: KeyError."""
    if name not in names():
        raise KeyError(name)
    module: Any = importlib.import_module(f"{__name__}.{name.replace('-', '_')}")
    return module


def inside(folder: Path, name: str) -> Path:
    """A file of a folder by its relative name. Raises: FileNotFoundError, also for one outside."""
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()) or not path.exists():
        raise FileNotFoundError(f"the artifact has no {name}")
    return path


def _are_places(names: Sequence[str]) -> bool:
    """Names that a library made up because it was given none: f0, Column_0, x0."""
    made_up = ("f", "Column_", "x", "feature_")
    return any(list(names) == [f"{prefix}{number}" for number in range(len(names))] for prefix in made_up)


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:5])
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"  # noqa: PLR2004
