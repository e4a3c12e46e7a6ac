"""A module of one's own, written from what its predict gives, and scored on a table of two columns."""

import numpy as np
import pandas as pd

from tests.models.harness import columns, scored
from tests.models.stored_tables import stored

ROWS = 70
X = np.round(np.random.default_rng(5).normal(size=ROWS), 3)
FRAME = pd.DataFrame({"x": X, "n": np.arange(ROWS)})
DATA = stored(FRAME, "parquet").data
HEAD = """
import datetime
import decimal
import numpy as np
import pandas as pd
import pyarrow as pa
from scipy import sparse


def load(path):
    return None


"""
FRAME_BODY = "def predict(model, batch):\n    return "


def score_module(folder, body, data=DATA, *, outputs=(), inputs=None, params=None, row_group_size=32):
    """`body`: what predict gives, or whole functions."""
    whole = body if "def " in body else FRAME_BODY + body
    (folder / "model.py").write_text(HEAD + whole + "\n")
    given = columns(**(inputs or {"x": "double", "n": "long"}))
    return scored(
        "python",
        folder / "model.py",
        inputs=given,
        outputs=columns(**dict(outputs)),
        data=data,
        params=params,
        row_group_size=row_group_size,
    )
