"""Whose the lists of categories in a LightGBM file are: they stand there in the inputs' order, without names."""

from collections.abc import Sequence
from typing import Any

from .binding import ModelUnsupported, SignatureMismatch
from .categories import Categories, categories_of, kind_of
from .conversion import Column
from .lightgbm_text import Feature, ModelText

_Grid = list[list[bool]]


def categories_in(model: ModelText, columns: Sequence[Column]) -> dict[int, Categories]:
    """The categories of each input that a pandas frame had as a category, by its place in the model.

    LightGBM's own categorical inputs are the first guess. But ordered categories are numbers to it, and whole numbers
    may be categories without a list: then types, and the values that training saw, have to leave one way only.

    Args:
        model: the file.
        columns: what the signature says of each of the model's inputs, in the model's order.

    Raises:
        SignatureMismatch: the signature's types can't hold the categories.
        ModelUnsupported: there are several ways.
    """
    lists = model.categories or ()
    if not lists:
        return {}
    fits = [[_fits(values, *each) for each in zip(columns, model.features, strict=True)] for values in lists]
    texts = [column.type == "string" for column in columns]
    usual = [feature.codes is not None for feature in model.features]
    likely = [
        [fit and (text or is_usual or not feature.used) for fit, text, is_usual, feature in zip(*row, strict=True)]
        for row in ((fit, texts, usual, model.features) for fit in fits)
    ]
    musts = [text or is_usual for text, is_usual in zip(texts, usual, strict=True)]
    owners = _only_way(likely, musts, model.features) or _only_way(fits, texts, model.features)
    if owners is None:
        if _ways(fits, texts) is None:
            raise _impossible(lists, columns, model.features)
        raise _ambiguous(lists, columns)
    return {owner: categories_of(columns[owner], values) for owner, values in zip(owners, lists, strict=True)}


def _fits(values: list[Any], column: Column, feature: Feature) -> bool:
    if not feature.within(len(values)):
        return False
    try:
        categories_of(column, values)
    except (SignatureMismatch, ModelUnsupported):
        return False
    return True


def _only_way(fits: _Grid, musts: list[bool], features: Sequence[Feature]) -> list[int] | None:
    """The owner of each list; None where there is no way, or several that differ in an input that is used."""
    ways = _ways(fits, musts)
    if ways is None:
        return None
    if any(len(way) > 1 and any(features[at].used for at in way) for way in ways):
        return None
    owners, start = list[int](), 0
    for way in ways:
        owners.append(next(at for at in way if at >= start))
        start = owners[-1] + 1
    return owners


def _ways(fits: _Grid, musts: list[bool]) -> list[list[int]] | None:
    """All possible owners of each list, in order, if every input of `musts` is to own one; None: there is no way."""
    before = _prefixes(fits, musts)
    after = _prefixes([row[::-1] for row in fits[::-1]], musts[::-1])
    count, width = len(fits), len(musts)
    if not before[count][width]:
        return None
    return [
        [at for at in range(width) if fits[i][at] and before[i][at] and after[count - 1 - i][width - 1 - at]]
        for i in range(count)
    ]


def _prefixes(fits: _Grid, musts: list[bool]) -> _Grid:
    """[i][j]: whether the first i lists can be owned by inputs among the first j, those of `musts` all owning one."""
    reached = [[i == 0] + [False] * len(musts) for i in range(len(fits) + 1)]
    for j, must in enumerate(musts):
        for i in range(len(fits) + 1):
            passed = reached[i][j] and not must
            reached[i][j + 1] = passed or (i > 0 and fits[i - 1][j] and reached[i - 1][j])
    return reached


def _impossible(lists: Sequence[list[Any]], columns: Sequence[Column], features: Sequence[Feature]) -> Exception:
    """By the input's name, where LightGBM's own categorical inputs are as many as the lists."""
    usual = [column for column, feature in zip(columns, features, strict=True) if feature.codes is not None]
    if len(usual) == len(lists):
        try:
            for column, values in zip(usual, lists, strict=True):
                categories_of(column, values)
        except (SignatureMismatch, ModelUnsupported) as error:
            return error
    for column, feature in zip(columns, features, strict=True):
        if column.type == "string" and feature.used and feature.codes is None:
            return SignatureMismatch(
                f"{column.name} is of type string in the signature, and was a number in training: declare it a number"
            )
    return SignatureMismatch(
        f"the file holds {_described(lists)}, and the inputs that the signature has can't be these: declare each"
        " categorical column with the type that its values had in training"
    )


def _ambiguous(lists: Sequence[list[Any]], columns: Sequence[Column]) -> Exception:
    names = ", ".join(column.name for column in columns if column.type != "string")
    return ModelUnsupported(
        f"the file holds {_described(lists)} without their names, and more than one of {names[:200]} may be meant:"
        " make them texts, or leave categorical_feature away in training and make no category an ordered one"
    )


def _described(lists: Sequence[list[Any]]) -> str:
    kinds = ", ".join(kind_of(values) or "several types" for values in lists[:5])
    return f"categories of {len(lists)} inputs (of type {kinds})"
