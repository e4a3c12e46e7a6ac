"""A table of a text and a number, a target, and an estimator that is scored on one like it."""

import joblib
import numpy as np
import pandas as pd
from sklearn.preprocessing import OneHotEncoder

from tests.models.harness import columns, scored

RANDOM = np.random.default_rng(31)
ROWS = 210
HOT = OneHotEncoder(handle_unknown="ignore")
CITY = pd.Series(RANDOM.choice(["Lyon", "Nice", "Brest"], ROWS)).where(RANDOM.random(ROWS) > 0.3, np.nan)
FRAME = pd.DataFrame({"city": CITY, "a": RANDOM.normal(size=ROWS)})
VALUE = FRAME["city"].map({"Lyon": 1.0, "Nice": 2.0, "Brest": 3.0}).fillna(100.0) + FRAME["a"]


def score_estimator(folder, estimator, data, **inputs):
    """`inputs`: types by name, of which two underscores are a space."""
    joblib.dump(estimator, folder / "model")
    given = columns(**{name.replace("__", " "): kind for name, kind in inputs.items()})
    return scored("sklearn", folder / "model", inputs=given, data=data, row_group_size=33)
