"""The op `inspect`: whether an artifact is a model of its format, and fits its signature."""

import json
from pathlib import Path
from typing import Any

from . import formats
from .failures import ArtifactMismatch
from .ops import Link, Op, columns_of
from .output_trial import try_outputs
from .packing import pack_texts
from .recognition import problem_of


class InspectionOps:
    """One artifact a process."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self.ops: dict[str, Op] = {"inspect": self._inspect}

    def _inspect(self, _: dict[str, Any], pieces: list[memoryview]) -> None:
        """With a signature, a model that can be scored is loaded as it will be when it is, and tried."""
        asked = json.loads(bytes(pieces[0]))
        path = Path(asked["path"])
        wrong = problem_of(asked["format"], path)
        if wrong is not None:
            raise ArtifactMismatch(f"it {wrong}")
        known_as: tuple[tuple[str, str], ...] = ()
        if asked["inputs"] is not None and asked["format"] in formats.names():
            source = formats.Source(
                path=path,
                entrypoint=asked["entrypoint"],
                inputs=columns_of(asked["inputs"]),
                outputs=columns_of(asked["outputs"]),
                params=asked["params"],
            )
            chosen = formats.find(asked["format"])
            chosen.inspect(source)
            try_outputs(chosen.load(source), source.inputs, source.outputs)
            known_as = source.known_as
        self._link.tell({}, pack_texts([text for pair in known_as for text in pair]))
