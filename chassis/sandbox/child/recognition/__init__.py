"""What each model format looks like from outside. A new format is one file beside these, and one line here.

Nothing is unpickled, imported or run: a check looks at names, magic numbers and structure.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from . import jar, lightgbm, mlflow, onnx, python, r, sklearn, spark_ml, xgboost
from .bundle import Bundle, Check

CHECKS: Final[Mapping[str, Check]] = {
    "sklearn": sklearn.check,
    "onnx": onnx.check,
    "xgboost": xgboost.check,
    "lightgbm": lightgbm.check,
    "mlflow": mlflow.check,
    "spark-ml": spark_ml.check,
    "python": python.check,
    "r": r.check,
    "jar": jar.check,
}


def problem_of(name: str, artifact: Path) -> str | None:
    """What is wrong with an artifact that is said to be of this format, in words that follow "it "; or None."""
    return CHECKS[name](Bundle.at(artifact))
