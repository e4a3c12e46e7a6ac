"""A trial of a graph: whether each row gets its own answer, however many others are scored with it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from .binding import ModelUnsupported
from .made_up_rows import TRIAL_ROWS
from .onnx_graph import shown
from .onnx_session import Feed, GraphFailed

_SAME: Final = 1e-5
_CLOSE: Final = 2e-2

Table = npt.NDArray[Any]
Run = Callable[[Feed], Mapping[str, Any]]


@dataclass(frozen=True)
class Shapes:
    """How a graph's outputs lie: `across` are those whose second dimension is the rows'; `keys`, classes by name."""

    across: frozenset[str]
    keys: tuple[str | int, ...]

    def table(self, name: str, result: Any, rows: int) -> Table:
        """One output as a table. Raises: ModelUnsupported."""
        table = self._table(name, result)
        if len(table) != rows:
            raise ModelUnsupported(_misshapen(name, np.shape(result), rows))
        return table

    def _table(self, name: str, result: Any) -> Table:
        if isinstance(result, list):
            return np.array([[row[key] for key in self.keys] for row in result]).reshape(len(result), len(self.keys))
        array = result.astype(np.float32) if result.dtype == np.float16 else result
        if array.ndim < 2:  # noqa: PLR2004
            return array.reshape(-1, 1)
        return array.T if name in self.across else array


@dataclass(frozen=True)
class _Comparison:
    """Rows scored once more, in other company: those at `here` are the whole's at `there`."""

    rows: tuple[int, ...]
    here: slice
    there: slice
    tolerance: float


def try_out(run: Run, feed: Feed, *, size: int | None, keys: Sequence[str | int]) -> tuple[Shapes, dict[str, Table]]:
    """Score some rows together, among others, and alone.

    Args:
        run: what scores a feed.
        feed: some rows, at least one; best are `TRIAL_ROWS` different ones.
        size: the number of rows that the graph takes at once, where it's fixed.
        keys: the classes of its dictionaries.

    Returns:
        How the outputs lie, and the outputs.

    Raises:
        ModelUnsupported: a row's answer depends on the others, or on chance, or isn't a row of values.
        GraphFailed: the graph takes none of these rows.
    """
    whole, comparisons = _rows_of(size)
    results = [(whole, _run_several(run, feed, whole))]
    results += [(each.rows, run(_take(feed, each.rows))) for each in comparisons]
    shapes = Shapes(_across(results), tuple(keys))
    tables = _tables(shapes, results[0])
    for comparison, result in zip(comparisons, results[1:], strict=True):
        for name, table in _tables(shapes, result).items():
            if not _alike(table[comparison.here], tables[name][comparison.there], comparison.tolerance):
                again = _tables(shapes, (whole, run(_take(feed, whole))))
                raise ModelUnsupported(_why_different(name, same=_alike(again[name], tables[name], _SAME)))
    return shapes, tables


def _rows_of(size: int | None) -> tuple[tuple[int, ...], list[_Comparison]]:
    """The rows that are scored together, and how they are scored once more."""
    if size is None:
        return (0, 1, 2, 3, 4), [
            _Comparison((5, 6, 7, 3, 4), slice(3, 5), slice(3, 5), _SAME),
            _Comparison((3, 4), slice(0, 2), slice(3, 5), _CLOSE),
            _Comparison((4,), slice(0, 1), slice(4, 5), _CLOSE),
        ]
    whole, half = tuple(row % TRIAL_ROWS for row in range(size)), size // 2
    # Not a permutation of what they replace: their sum is another.
    others = tuple(5 + row % 3 for row in range(half))
    return whole, [
        _Comparison((*others, *whole[half:]), slice(half, size), slice(half, size), _SAME),
        _Comparison((*whole[1:], whole[0]), slice(0, size - 1), slice(1, size), _CLOSE),
    ]


def _run_several(run: Run, feed: Feed, rows: tuple[int, ...]) -> Mapping[str, Any]:
    try:
        return run(_take(feed, rows))
    except GraphFailed:
        if len(rows) > 1 and all(_runs(run, feed, row) for row in rows):
            raise ModelUnsupported(
                "the graph scores one row and can't score several: export it with an open first dimension"
            ) from None
        raise


def _runs(run: Run, feed: Feed, row: int) -> bool:
    try:
        run(_take(feed, (row,)))
    except GraphFailed:
        return False
    return True


def _take(feed: Feed, rows: tuple[int, ...]) -> Feed:
    return {name: values[[row % len(values) for row in rows]] for name, values in feed.items()}


def _across(results: Iterable[tuple[tuple[int, ...], Mapping[str, Any]]]) -> frozenset[str]:
    """Outputs of shape [k, N]. Raises: ModelUnsupported, where rows are in no place that is the same for all."""
    shapes = dict[str, list[tuple[int, tuple[int, ...]]]]()
    for rows, result in results:
        for name, value in result.items():
            shape = (len(value),) if isinstance(value, list) else np.shape(value)
            shapes.setdefault(name, []).append((len(rows), shape))
    return frozenset(name for name, told in shapes.items() if _lies_across(name, told))


def _lies_across(name: str, told: Sequence[tuple[int, tuple[int, ...]]]) -> bool:
    if all((shape or (1,))[0] == rows and len(shape) <= 2 for rows, shape in told):  # noqa: PLR2004
        return False
    if all(len(shape) == 2 and shape[1] == rows for rows, shape in told):  # noqa: PLR2004
        return True
    rows, shape = told[0]
    raise ModelUnsupported(_misshapen(name, shape, rows))


def _misshapen(name: str, shape: tuple[int, ...], rows: int) -> str:
    return (
        f"the graph's output {shown(name)} has the shape {list(shape)} for {rows} rows, and not a row of values for"
        " each: export the graph with outputs of shape [N] or [N, k]"
    )


def _why_different(name: str, *, same: bool) -> str:
    if not same:
        return (
            f"the graph's output {shown(name)} is another each time for the same rows, so that nobody can say what is"
            " right: export the model for inference, without nodes that draw lots or still learn"
        )
    return (
        f"the graph's output {shown(name)} for a row depends on which other rows are scored with it, and rows are"
        " scored in batches: export the graph so that it treats each row by itself"
    )


def _tables(shapes: Shapes, result: tuple[tuple[int, ...], Mapping[str, Any]]) -> dict[str, Table]:
    rows, values = result
    return {name: shapes.table(name, value, len(rows)) for name, value in values.items()}


def _alike(one: Table, other: Table, tolerance: float) -> bool:
    if one.dtype.kind != "f":
        return bool(np.array_equal(one, other))
    finite = np.abs(other[np.isfinite(other)])
    scale = float(finite.max()) if finite.size else 0.0
    return bool(np.allclose(one, other, rtol=tolerance, atol=tolerance * scale, equal_nan=True))
