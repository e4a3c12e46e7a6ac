"""Categories that LightGBM's and XGBoost's own scikit-learn estimators were fitted with, in frames of type category."""

from typing import Any

from .binding import ModelUnsupported


def boosted_categories(estimator: Any) -> dict[int, list[Any]] | None:
    """By the input's place; all other inputs are numbers. None: it is an estimator of another kind.

    Raises:
        ModelUnsupported: it doesn't tell which columns they belong to, or holds them damaged.
    """
    kinds = {kind.__name__ for kind in type(estimator).__mro__}
    if "LGBMModel" in kinds:
        return _of_lightgbm(estimator.booster_)
    return _of_xgboost(estimator.get_booster()) if "XGBModel" in kinds else None


def _of_lightgbm(booster: Any) -> dict[int, list[Any]]:
    categories: list[list[Any]] = booster.pandas_categorical or []
    places: list[int] = booster.params.get("categorical_column") or []
    if len(places) != len(categories):
        raise ModelUnsupported(
            "the LightGBM estimator doesn't tell which columns were of type category: save its booster_ by save_model,"
            " in format lightgbm"
        )
    return dict(zip(places, categories, strict=True))


def _of_xgboost(booster: Any) -> dict[int, list[Any]]:
    """It looks categories up by their values; one that it doesn't know is an error of its own."""
    if "c" not in (booster.feature_types or []):
        return {}
    found = booster.get_categories(export_to_arrow=True).to_arrow()
    return {place: _listed(array, name) for place, (name, array) in enumerate(found) if array is not None}


def _listed(array: Any, name: str) -> list[Any]:
    """Raises: ModelUnsupported: XGBoost 3.2 takes a frame's texts for as many bytes as they have letters."""
    try:
        values: list[Any] = array.to_pylist()
    except UnicodeDecodeError:
        values = ["\ufffd"]
    if any(isinstance(value, str) and not value.isascii() for value in values):
        raise ModelUnsupported(
            f"the categories of {name} have letters beyond ASCII, which XGBoost before 3.4 takes for others: replace"
            " them, or number the categories, and train the model anew"
        )
    return values
