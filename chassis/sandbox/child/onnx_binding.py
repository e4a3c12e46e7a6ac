"""Which columns of the signature each of a graph's inputs takes: some take one column, some a matrix of several."""

from collections.abc import Sequence
from dataclasses import dataclass

from .binding import Binding, SignatureMismatch, bind
from .onnx_graph import GraphInput, shown


@dataclass(frozen=True)
class Taken:
    """A graph's input, and the places of its columns in the signature, in the input's order."""

    input: GraphInput
    columns: tuple[int, ...]


def bind_inputs(columns: Sequence[str], inputs: Sequence[GraphInput]) -> tuple[tuple[Taken, ...], Binding]:
    """Find each input's columns.

    An input of one column is the column of its name. Where no input of one column is called like a column, inputs take
    the signature's columns by place, one after another. A matrix knows no names: it takes what the others leave, by
    place.

    Args:
        columns: the signature's inputs.
        inputs: the graph's, of ranks 1 and 2 (or unknown).

    Raises:
        SignatureMismatch: a name is missing or ambiguous, or the numbers of columns differ.
    """
    names = [each.name for each in inputs]
    single = [each for each in inputs if _width(each) == 1]
    # Several that don't say their width, all called like columns, can only be these columns.
    if (
        len(inputs) - len(single) != 1
        and set(names) <= set(columns)
        and all(_width(each) in {1, None} for each in inputs)
    ):
        positions = bind(columns, names, None).positions
        return tuple(Taken(each, (at,)) for each, at in zip(inputs, positions, strict=True)), Binding(positions)
    named = [each for each in single if each.name in columns]
    if named and len(named) < len(single):
        other = next(each.name for each in single if each.name not in columns)
        raise SignatureMismatch(
            f"the graph's input {shown(named[0].name)} is a column of the signature and its input {shown(other)} is"
            " not: name the columns after all of the graph's inputs, or after none"
        )
    return _by_place(columns, inputs, {each.name for each in named})


def _by_place(
    columns: Sequence[str], inputs: Sequence[GraphInput], named: set[str]
) -> tuple[tuple[Taken, ...], Binding]:
    rest = [place for place, name in enumerate(columns) if name not in named]
    widths = _widths([columns[place] for place in rest], [each for each in inputs if each.name not in named])
    taken, known_as = list[Taken](), list[tuple[str, str]]()
    for each in inputs:
        if each.name in named:
            taken.append(Taken(each, (columns.index(each.name),)))
            continue
        chosen, rest = tuple(rest[: widths[each.name]]), rest[widths[each.name] :]
        taken.append(Taken(each, chosen))
        known_as += [(columns[at], _called(each, number)) for number, at in enumerate(chosen, 1)]
    return tuple(taken), Binding(tuple(at for each in taken for at in each.columns), tuple(known_as))


def _widths(columns: Sequence[str], inputs: Sequence[GraphInput]) -> dict[str, int]:
    """How many of the columns that are left each of these inputs takes."""
    there = len(columns)
    widths = {each.name: _width(each) for each in inputs}
    free = [name for name, width in widths.items() if width is None]
    known = sum(width for width in widths.values() if width is not None)
    if len(free) > 1:
        raise SignatureMismatch(
            f"the graph's inputs {shown(free[0])} and {shown(free[1])} don't say how many columns they take: export it"
            " with their widths"
        )
    if free and free[0] in columns and there > 1:
        raise SignatureMismatch(
            f"the graph's input {shown(free[0])} doesn't say how many columns it takes, so that it may be the column of"
            " that name or all of them: export it with its width, or rename the column"
        )
    if there < known + len(free) or (not free and there != known):
        each = ", ".join(f"{shown(name)} {width or 'any number'}" for name, width in list(widths.items())[:5])
        which = f" ({each})" if len(widths) > 1 else ""
        raise SignatureMismatch(
            f"the model goes by the places of its inputs: it requires {known}{' or more' if free else ''}{which} and"
            f" the signature has {there}"
        )
    return {name: there - known if width is None else width for name, width in widths.items()}


def _called(each: GraphInput, number: int) -> str:
    return each.name if _width(each) == 1 else f"{each.name}#{number}"


def _width(each: GraphInput) -> int | None:
    """How many columns an input takes; None: it doesn't say."""
    if each.shape is None:
        return None
    return 1 if len(each.shape) == 1 else each.shape[1]
