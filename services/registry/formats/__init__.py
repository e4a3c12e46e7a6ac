"""What each model format looks like from outside. A new format is one file beside these, and one line here.

Nothing is ever unpickled, imported or run: a check looks at names, magic numbers and structure.
"""

from collections.abc import Mapping
from typing import Final

from schemas.values import ModelFormat
from services.registry.formats import jar, lightgbm, mlflow, onnx, python, r, sklearn, spark_ml, xgboost
from services.registry.formats.bundle import Check

CHECKS: Final[Mapping[ModelFormat, Check]] = {
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
