"""ONNX: data only, scored with ONNX Runtime on one thread."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

# ruff: noqa: TID252 - in the sandbox this package has another name
from ..binding import SignatureMismatch
from ..made_up_rows import SPREADS, TRIAL_ROWS, typical_rows
from ..onnx_answers import Answers, Table
from ..onnx_feeds import MAX_RUN_ROWS, Feeds
from ..onnx_graph import Graph, read_graph
from ..onnx_session import Feed, GraphFailed, GraphSession
from ..onnx_trial import Shapes, try_out
from . import Inspection, Source

SUFFIXES: Final = (".onnx",)


def inspect(source: Source) -> Inspection:
    graph = _read(source)
    return Inspection(f"graph of {graph.maker or 'an unknown maker'}", tuple(each.name for each in graph.inputs))


def load(source: Source) -> "OnnxModel":
    return OnnxModel(_read(source), source)


class OnnxModel:
    """Feeds each of the graph's inputs the columns that belong to it, and gives the outputs that are asked for.

    What a graph gives is looked at in a trial at once, with made-up rows; where it takes none of those, with the first
    real ones.
    """

    def __init__(self, graph: Graph, source: Source) -> None:
        if source.params:
            raise SignatureMismatch(f"a graph takes no parameters: remove {', '.join(sorted(source.params)[:5])}")
        self._feeds = Feeds(graph, source.inputs)
        source.bindings.append(self._feeds.binding)
        self._session = GraphSession(_file(source))
        self._answers = Answers(graph, self._session.outputs, source.outputs)
        self._shapes: Shapes | None = None
        for spread in SPREADS:
            if self._shapes is None:
                self._try_made_up(typical_rows(source.inputs, spread))

    def unfit(self, columns: Sequence[pa.Array]) -> Iterator[tuple[str, npt.NDArray[np.bool_], str]]:
        """Rows that the graph can't hold (see `scoring.Choosy`)."""
        return self._feeds.unfit(columns)

    def predict(self, columns: Sequence[pa.Array], rows: int) -> Any:
        if not rows:
            return self._answers.nothing()
        feed = self._feeds.make(columns, rows)
        shapes = self._shapes or self._try_out(feed)
        pieces = [self._score(piece, count, shapes) for piece, count in self._pieces(feed, rows)]
        return self._answers.of({name: np.concatenate([each[name] for each in pieces]) for name in pieces[0]})

    def _score(self, feed: Feed, rows: int, shapes: Shapes) -> Mapping[str, Table]:
        results = self._session.run(self._answers.names, feed)
        given = self._feeds.size or rows
        return {name: shapes.table(name, result, given)[:rows] for name, result in results.items()}

    def _pieces(self, feed: Feed, rows: int) -> Iterator[tuple[Feed, int]]:
        """Some rows at a time, and how many of them count: a last piece that is too small is filled up."""
        size = self._feeds.size or MAX_RUN_ROWS
        for start in range(0, rows, size):
            piece = {name: values[start : start + size] for name, values in feed.items()}
            count = min(size, rows - start)
            yield (_filled_up(piece, size - count) if self._feeds.size else piece), count

    def _try_made_up(self, columns: Sequence[pa.Array]) -> None:
        try:
            self._shapes = self._try_out(self._feeds.make(columns, TRIAL_ROWS))
        except GraphFailed:
            """Real rows will tell."""

    def _try_out(self, feed: Feed) -> Shapes:
        """Raises: GraphFailed, ModelUnsupported, SignatureMismatch."""
        names, keys = self._answers.names, self._answers.keys
        shapes, tables = try_out(lambda rows: self._session.run(names, rows), feed, size=self._feeds.size, keys=keys)
        self._answers.check(tables)
        return shapes


def _filled_up(feed: Feed, missing: int) -> Feed:
    """The last row once more for each that is missing."""
    return {name: np.concatenate([values, np.repeat(values[-1:], missing, axis=0)]) for name, values in feed.items()}


def _read(source: Source) -> Graph:
    return read_graph(_file(source), folder=source.path if source.path.is_dir() else None)


def _file(source: Source) -> Path:
    return source.file(*SUFFIXES)
