"""The harness itself: it sees a wrong number."""

import joblib
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.linear_model import LinearRegression

from tests.models.harness import agree, columns, scored

FRAME = pd.DataFrame(np.random.default_rng(1).normal(size=(250, 2)), columns=["a", "b"])


@pytest.fixture
def artifact(tmp_path):
    joblib.dump(LinearRegression().fit(FRAME, FRAME["a"] - FRAME["b"]), tmp_path / "model")
    return tmp_path / "model"


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_a_right_number_passes_and_a_wrong_one_does_not(artifact, kind):
    data = pa.Table.from_pandas(FRAME) if kind == "parquet" else FRAME.to_csv(index=False).encode()

    result = scored("sklearn", artifact, inputs=columns(a="double", b="double"), data=data)

    agree(result, FRAME["a"] - FRAME["b"])
    with pytest.raises(AssertionError):
        agree(result, FRAME["a"] + FRAME["b"])
