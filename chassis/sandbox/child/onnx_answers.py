"""What a graph gives, as the outputs that the signature asks for by their names."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from .binding import ModelUnsupported, SignatureMismatch
from .classes import PROBABILITY, Classes
from .conversion import Column
from .onnx_classes import PLACES, ClassNames
from .onnx_graph import Graph, shown
from .onnx_session import GraphOutput
from .onnx_types import DTYPES, output_misfit
from .outputs import PredictionShape

Table = npt.NDArray[Any]
"""One output of the graph, a row a row: shape (rows, columns)."""
_SHOWN: Final = 10
_BEYOND: Final = 1e-3


class Answers:
    """Each of the signature's outputs is the graph's output of that name, a probability, or the graph's first output.

    `names` are the graph's outputs that are needed, and `keys` the classes of its dictionaries, in their order.
    """

    def __init__(self, graph: Graph, outputs: Mapping[str, GraphOutput], declared: Sequence[Column]) -> None:
        """Raises: SignatureMismatch, ModelUnsupported."""
        self._outputs, self._declared = outputs, tuple(declared)
        self._first = next(iter(outputs))
        self._named = [column for column in declared if column.name in outputs and not self._is_table(column.name)]
        others = [column for column in declared if column not in self._named]
        self._asked = tuple(column for column in others if _is_probability(column.name))
        self._labels = tuple(column for column in others if column not in self._asked)
        if self._labels and self._named and not self._asked:
            raise SignatureMismatch(
                f"the graph has no output {self._labels[0].name}: it has {self._there()}; name the signature's outputs"
                " after the graph's"
            )
        self._classes: Classes | None = None
        self._known: ClassNames | None = None
        self._sources: tuple[str, ...] = self._probabilities(graph.classes) if self._asked else ()
        self.keys = graph.classes or ()
        self.names = self._needed()
        self._check_types()

    def check(self, tables: Mapping[str, Table]) -> None:
        """Look at what a trial gave.

        Raises:
            SignatureMismatch: an output has more columns than are declared, or a class isn't among the graph's.
        """
        for column in self._named:
            self._check_width(column.name, tables[column.name].shape[1], 1)
        if self._asked:
            if self._labels:
                self._check_width(self._first, tables[self._first].shape[1], 1)
            self._check_classes(self._probability_table(tables).shape[1])
        elif not self._named:
            self._check_width(self._first, tables[self._first].shape[1], max(len(self._declared), 1))

    def nothing(self) -> Any:
        """The predictions of no rows."""
        return {column.name: np.empty(0) for column in self._declared} if self._declared else np.empty(0)

    def of(self, tables: Mapping[str, Table]) -> Any:
        """The predictions. Raises: PredictionShape."""
        if not self._declared:
            return tables[self._first][:, 0]
        given = {column.name: tables[column.name][:, 0] for column in self._named}
        if self._asked:
            given |= self._classified(tables)
        elif not self._named:
            given |= {column.name: tables[self._first][:, place] for place, column in enumerate(self._declared)}
        return {column.name: given[column.name] for column in self._declared}

    def _classified(self, tables: Mapping[str, Table]) -> dict[str, Table]:
        table = self._probability_table(tables)
        if table.size and (np.nanmin(table) < -_BEYOND or np.nanmax(table) > 1 + _BEYOND):
            raise PredictionShape(
                f"the graph's {', '.join(shown(name) for name in self._sources[:1])} holds values beyond 0 and 1, which"
                " are no probabilities: declare the graph's outputs by their own names"
            )
        labels = tables[self._first][:, 0] if self._labels else None
        return Classes(self._known or None, (*self._asked, *self._labels)).outputs_of(table, labels)

    def _probability_table(self, tables: Mapping[str, Table]) -> Table:
        return np.concatenate([tables[name] for name in self._sources], axis=1)

    def _probabilities(self, known: ClassNames | None) -> tuple[str, ...]:
        """The outputs that hold the probabilities, in the order of the classes."""
        names = list(self._outputs)
        self._known = known
        for name, output in self._outputs.items():
            if output.is_dictionaries and known:
                return (name,)
        for prefix in ("s", "i"):
            each = tuple(f"{prefix}{name}" for name in known or ())
            if each and set(each) <= set(names):
                return each
        if len(names) == 1 and not self._labels:
            self._known = PLACES
            return (names[0],)
        if len(names) == 1:
            raise SignatureMismatch(
                f"the graph's only output is {shown(names[0])}, so that it gives no class beside the probabilities:"
                f" remove {self._labels[0].name} from the signature's outputs"
            )
        if known is None or self._outputs[names[1]].kind not in DTYPES:
            raise SignatureMismatch(
                f"the graph doesn't say which classes its probabilities are of ({self._there()}): convert it with"
                " ZipMap (skl2onnx's option zipmap), or name the signature's outputs after the graph's"
            )
        return (names[1],)

    def _check_classes(self, width: int) -> None:
        count = len(self._known) if self._known else max(width, 2)
        if width != count:
            raise SignatureMismatch(
                f"the graph gives {width} probabilities for {count} classes ({self._there()}): name the signature's"
                " outputs after the graph's"
            )
        try:
            Classes(self._known or None, (*self._asked, *self._labels)).outputs_of(np.zeros((0, width)), np.zeros(0))
        except PredictionShape as error:
            raise SignatureMismatch(str(error)) from error

    def _check_width(self, name: str, width: int, wanted: int) -> None:
        if width != wanted:
            raise SignatureMismatch(
                f"the graph's output {shown(name)} gives {width} columns and {wanted} {'is' if wanted == 1 else 'are'}"
                f" declared: declare {width} outputs, or name other outputs of the graph ({self._there()})"
            )

    def _check_types(self) -> None:
        for name in self.names:
            output = self._outputs[name]
            if output.kind not in DTYPES and not (output.is_dictionaries and name in self._sources):
                raise ModelUnsupported(
                    f"the graph's output {shown(name)} is of type {output.type}, which can't become columns: put a Cast"
                    " to float behind it, or name other outputs of the graph"
                )
        plain = self._declared if not self._named and not self._asked else self._labels
        for column, name in (
            *((column, column.name) for column in self._named),
            *((column, self._first) for column in plain),
            *((column, self._sources[0]) for column in self._asked),
        ):
            kind = "float" if self._outputs[name].is_dictionaries else self._outputs[name].kind
            declare = output_misfit(column, kind)
            if declare:
                raise SignatureMismatch(
                    f"the output {column.name} is of type {column.type}, and the graph's output {shown(name)} gives"
                    f" {kind}: declare {column.name} {declare}"
                )

    def _needed(self) -> list[str]:
        first = [self._first] if self._labels or not (self._named or self._asked) else []
        return list(dict.fromkeys([*(column.name for column in self._named), *first, *self._sources]))

    def _is_table(self, name: str) -> bool:
        """Whether an output that is called like a probability holds those of all classes."""
        output = self._outputs[name]
        wide = len(output.shape) == 2 and output.shape[1] != 1  # noqa: PLR2004
        return _is_probability(name) and (output.is_dictionaries or wide)

    def _there(self) -> str:
        names = [shown(name) for name in self._outputs]
        return ", ".join(names[:_SHOWN]) + ("" if len(names) <= _SHOWN else f" and {len(names) - _SHOWN} more")


def _is_probability(name: str) -> bool:
    return name == PROBABILITY or name.startswith(f"{PROBABILITY}_")
