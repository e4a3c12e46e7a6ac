"""Rows, targets and texts that the suites of MLflow's flavors share."""

import numpy as np
import pandas as pd

from tests.models.mlflow_models import RANDOM

ROWS = 150
FRAME = pd.DataFrame(RANDOM.normal(size=(ROWS, 3)), columns=["price", "stock", "week"])
VALUE = FRAME["price"] * 2 - FRAME["week"] ** 2
CLASS = np.array(["no", "so", "yes"])[(FRAME["price"] > 0).astype(int) + (FRAME["stock"] > 0.5)]
PLACE = np.unique(CLASS, return_inverse=True)[1]
NOTES = [" ".join(RANDOM.choice(["good", "bad", "note", "fun"], 5)) for _ in range(ROWS)]
INPUTS = {"week": "double", "price": "double", "stock": "double"}


def booster_of(estimator):
    return estimator.get_booster() if hasattr(estimator, "get_booster") else estimator.booster_
