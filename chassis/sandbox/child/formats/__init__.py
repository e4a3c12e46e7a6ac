"""Model formats: a file each, named like the format (`-` as `_`). Adding one is adding a file.

A format says two things:

- `inspect(source) -> Inspection`: what the file says about itself, read without running anything in it.
- `load(source) -> Model`: the model, whose `predict` takes the signature's columns.

Libraries are imported inside these functions: most processes need one format, and none needs all.
"""

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

# ruff: noqa: TID252 - in the sandbox this package has another name
from ..binding import Binding, ModelUnsupported, SignatureMismatch, bind
from ..conversion import Column
from ..scoring import Model

__all__ = ["Format", "Inspection", "ModelUnsupported", "SignatureMismatch", "Source", "find", "inside", "names"]


@dataclass(frozen=True)
class Source:
    """What a model is loaded from (a file or a folder) and for."""

    path: Path
    entrypoint: str | None
    inputs: tuple[Column, ...]
    outputs: tuple[Column, ...] = ()
    params: dict[str, Any] = field(default_factory=dict[str, Any])
    text: bool = False
    """Whether the data are texts, as in a CSV."""
    bindings: list[Binding] = field(default_factory=list[Binding])
    """Made while the model is loaded."""

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

    def bound(
        self, names: Sequence[str] | None, count: int | None, *, rewritten: Callable[[str], str] | None = None
    ) -> Binding:
        """The model's inputs among the signature's (see `bind`). Raises: SignatureMismatch."""
        binding = bind([column.name for column in self.inputs], names, count, rewritten=rewritten)
        self.bindings.append(binding)
        return binding

    @property
    def known_as(self) -> tuple[tuple[str, str], ...]:
        """Columns that the loaded model calls something else, with what it calls them."""
        return self.bindings[-1].known_as if self.bindings else ()

    @property
    def taken(self) -> list[Column]:
        """The signature's inputs that the loaded model takes, in its order."""
        return [self.inputs[position] for position in self.bindings[-1].positions] if self.bindings else []


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

    def inspect(self, source: Source) -> Inspection: ...

    def load(self, source: Source) -> Model:
        """Raises whatever the library raises, `SignatureMismatch` or `ModelUnsupported`."""
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
