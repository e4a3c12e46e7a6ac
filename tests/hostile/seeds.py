"""Whole files of each format, made by the libraries themselves: `python -m tests.hostile.seeds FOLDER TARGETS`.

Run as a process of its own: whoever damages the files and asks about them imports no library that reads them.
TARGETS, as JSON, is what hostile code is to go for: `secrets`, `trace`, `port` (see `code.trying`).
"""

import bz2
import gzip
import io
import json
import pickle
import shutil
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from tests.hostile.binaries import zipped
from tests.hostile.code import Pickled, trying

NAMES: Final = ("f0", "f1", "f2", "f3")
RANDOM = np.random.default_rng(23)
COUNT = 120
ROWS = pd.DataFrame(RANDOM.normal(size=(COUNT, len(NAMES))), columns=list(NAMES))
TARGET = ROWS["f0"] * 2 - ROWS["f3"]
TWO = (TARGET > 0).astype(int)

Made = Iterator[tuple[str, bytes]]
"""Names, whose ends say what kind of file it is, and bytes."""

MODULE = """
import numpy as np

WEIGHTS = np.array([2.0, 0.5, -1.5, 1e-3])

def load(path):
    return {"bias": 3, "scale": 10}

def predict(model, batch):
    rows = batch[["f0", "f1", "f2", "f3"]].to_numpy()
    return rows @ WEIGHTS * model["scale"] + model["bias"]
"""


def sklearn(hostile: str) -> Made:
    import joblib
    import skops.io
    from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier
    from sklearn.linear_model import LinearRegression, LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    forest = RandomForestClassifier(4, max_depth=4, random_state=1).fit(ROWS, TWO)
    boosting = HistGradientBoostingRegressor(max_iter=4).fit(ROWS, TARGET)
    pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(ROWS, TWO)
    for name, estimator, compress in (
        ("linear", LinearRegression().fit(ROWS, TARGET), 0), ("forest", forest, 0), ("pipeline", pipeline, 3),
        ("boosting", boosting, 0)
    ):  # fmt: skip
        sink = io.BytesIO()
        joblib.dump(estimator, sink, compress=compress)
        yield f"{name}.joblib", sink.getvalue()
    yield "forest.pkl", pickle.dumps(forest, protocol=5)
    yield "linear.pkl", pickle.dumps(LinearRegression().fit(ROWS, TARGET), protocol=2)
    yield "pipeline.skops", skops.io.dumps(pipeline)
    yield "forest.skops", skops.io.dumps(forest)
    yield "hostile.pkl", pickle.dumps(Pickled(hostile))
    sink = io.BytesIO()
    joblib.dump({"model": Pickled(hostile), "array": np.arange(9.0)}, sink)
    yield "hostile.joblib", sink.getvalue()


def onnx(hostile: str) -> Made:
    from onnx import TensorProto, external_data_helper
    from skl2onnx import to_onnx
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LinearRegression

    from tests.hostile.bombs import bomb, unknown_operator
    from tests.models.onnx_graphs import constant, model, node, value

    del hostile
    sample = ROWS.to_numpy(np.float32)
    yield "linear.onnx", to_onnx(LinearRegression().fit(sample, TARGET), sample[:1]).SerializeToString()
    forest = RandomForestClassifier(3, max_depth=3, random_state=1).fit(sample, TWO)
    yield "forest.onnx", to_onnx(forest, sample[:1], options={"zipmap": False}).SerializeToString()
    shapes = [
        node("MatMul", "X w", "a"), node("Reshape", "a s", "b"), node("Gather", "b g", "c", axis=1),
        node("Expand", "c e", "d"), node("Slice", "d from to axes", "f"), node("Tile", "f t", "y"),
    ]  # fmt: skip
    constants = [
        constant("w", np.ones((4, 3), np.float32)), constant("s", np.array([-1, 3])), constant("g", np.array([0, 2])),
        constant("e", np.array([1, 2])), constant("from", np.array([0])), constant("to", np.array([1])),
        constant("axes", np.array([1])), constant("t", np.array([1, 1])),
    ]  # fmt: skip
    shaped = model(shapes, [value("X", "float", ("N", 4))], [value("y", "float", ("N", 1))], constants)
    yield "shapes.onnx", shaped.SerializeToString()
    outside = model(
        [node("MatMul", "X w", "y")], [value("X", "float", ("N", 4))], [value("y")], [constant("w", sample)]
    )
    weight = outside.graph.initializer[0]
    weight.dims[:] = [4, 1]
    external_data_helper.set_external_data(weight, location="../../../../../proc/self/environ", offset=0, length=16)
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    yield "outside.onnx", outside.SerializeToString()
    yield "hostile_expand.onnx", bomb("Expand")
    yield "hostile_operator.onnx", unknown_operator()


def xgboost(hostile: str) -> Made:
    import xgboost as library

    del hostile
    fit: dict[str, Any] = {"n_estimators": 4, "max_depth": 3, "n_jobs": 1}
    regressor = library.XGBRegressor(**fit).fit(ROWS, TARGET)
    classifier = library.XGBClassifier(**fit).fit(ROWS, np.digitize(TARGET, [-1, 1]))
    linear = library.XGBRegressor(booster="gblinear", **{**fit, "max_depth": None}).fit(ROWS, TARGET)
    dart = library.XGBRegressor(booster="dart", rate_drop=0.3, **fit).fit(ROWS, TARGET)
    coded = ROWS.assign(f0=pd.Categorical(RANDOM.integers(0, 9, COUNT)))
    categorical = library.XGBRegressor(enable_categorical=True, max_cat_to_onehot=2, **fit).fit(coded, TARGET)
    for name, estimator in (("regressor", regressor), ("classifier", classifier), ("linear", linear), ("dart", dart),
                            ("categorical", categorical)):  # fmt: skip
        for kind in ("json", "ubj"):
            yield f"{name}.{kind}", bytes(estimator.get_booster().save_raw(kind))


def lightgbm(hostile: str) -> Made:
    import lightgbm as library

    del hostile
    quiet: dict[str, Any] = {"verbose": -1, "num_threads": 1, "min_data_in_leaf": 5, "num_leaves": 8}
    coded = ROWS.assign(f0=pd.Categorical(RANDOM.integers(0, 9, COUNT)))
    for name, frame, target, more in (
        ("regression", ROWS, TARGET, {}), ("binary", ROWS, TWO, {"objective": "binary"}),
        ("multiclass", ROWS, np.digitize(TARGET, [-1, 1]), {"objective": "multiclass", "num_class": 3}),
        ("categorical", coded, TARGET, {"min_data_per_group": 1, "cat_smooth": 1}),
        ("linear", ROWS, TARGET, {"linear_tree": True}),
    ):  # fmt: skip
        made = library.train({**quiet, **more}, library.Dataset(frame, target), 4)
        yield f"{name}.txt", made.model_to_string().encode()


def mlflow(hostile: str) -> Made:
    import mlflow as library
    from mlflow.models import infer_signature
    from sklearn.linear_model import LinearRegression

    class Total(library.pyfunc.PythonModel):
        def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
            return model_input.sum(axis=1)

    signature = infer_signature(ROWS, TARGET)
    with tempfile.TemporaryDirectory() as name, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        folder = Path(name)
        given: dict[str, Any] = {"pip_requirements": [], "signature": signature}
        library.sklearn.save_model(LinearRegression().fit(ROWS, TARGET), folder / "sklearn", **given)
        library.pyfunc.save_model(folder / "code", python_model=Total(), **given)
        shutil.copytree(folder / "code", folder / "hostile")
        (folder / "hostile" / "python_model.pkl").write_bytes(pickle.dumps(Pickled(hostile)))
        (folder / "loader" / "code").mkdir(parents=True)
        (folder / "loader" / "code" / "hostile_loader.py").write_text(hostile)
        (folder / "loader" / "MLmodel").write_text(
            "flavors:\n  python_function:\n    loader_module: hostile_loader\n    code: code\n    data: data\n"
        )
        for made in ("sklearn", "code", "hostile", "loader"):
            files = sorted(path for path in (folder / made).rglob("*") if path.is_file())
            yield f"{made}.zip", zipped([(str(path.relative_to(folder / made)), path.read_bytes()) for path in files])


def python(hostile: str) -> Made:
    yield "module.py", MODULE.encode()
    yield "module.zip", zipped([("model.py", MODULE.encode()), ("weights.json", b'{"bias": [1, 2, 3]}')])
    yield "hostile.py", (hostile + MODULE).encode()
    yield "hostile.zip", zipped([("model.py", b"import more\n" + MODULE.encode()), ("more.py", hostile.encode())])


def parquet(hostile: str) -> Made:
    import pyarrow as pa
    import pyarrow.parquet as pq

    del hostile
    plain = pa.Table.from_pandas(ROWS, preserve_index=False)
    odd = plain.append_column("text", pa.array([f"row {at % 7}" for at in range(COUNT)]))
    odd = odd.append_column("time", pa.array(range(COUNT), pa.timestamp("us")))
    odd = odd.append_column("list", pa.array([[at] * (at % 3) for at in range(COUNT)], pa.list_(pa.int64())))
    odd = odd.append_column("struct", pa.array([{"a": at, "b": None} for at in range(COUNT)]))
    odd = odd.append_column("decimal", pa.array(range(COUNT)).cast(pa.decimal128(22, 2)))
    small = plain.cast(pa.schema([(name, pa.float32()) for name in NAMES]))
    for name, table, how in (
        ("plain", plain, {"compression": "none", "use_dictionary": False}),
        ("snappy", odd, {"compression": "snappy", "write_page_index": True}),
        ("zstd", small, {"compression": "zstd", "data_page_version": "2.0"}),
        ("gzip", odd, {"compression": "gzip", "use_deprecated_int96_timestamps": True}),
        ("lz4", plain, {"compression": "lz4", "column_encoding": "BYTE_STREAM_SPLIT", "use_dictionary": False}),
        ("checked", odd, {"compression": "none", "write_page_checksum": True}),
    ):  # fmt: skip
        sink = io.BytesIO()
        pq.write_table(table, sink, row_group_size=50, **how)
        yield f"{name}.parquet", sink.getvalue()


def csv(hostile: str) -> Made:
    import pyarrow as pa

    del hostile
    texts = [f'he said "{at}",\nthen left' if at % 5 == 0 else f"Zoë {at}" for at in range(COUNT)]
    plain = ROWS.to_csv(index=False).encode()
    quoted = ROWS.assign(text=texts).to_csv(index=False, sep=";").encode()
    yield "plain.csv", plain
    yield "quoted.csv", quoted
    yield "wide.csv", quoted.decode().encode("utf-16")
    yield "packed.csv.gz", gzip.compress(quoted, mtime=0)
    yield "packed.csv.bz2", bz2.compress(plain)
    yield "packed.csv.zst", pa.compress(plain, "zstd", asbytes=True)
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "lz4") as stream:
        stream.write(plain)
    yield "packed.csv.lz4", sink.getvalue().to_pybytes()


FORMATS: Final = (sklearn, onnx, xgboost, lightgbm, mlflow, python, parquet, csv)


def write(folder: Path, targets: dict[str, Any]) -> None:
    """A folder a format; and what is whole beside them: `rows.parquet`, `model.py`."""
    hostile = trying(**targets)
    for make in FORMATS:
        target = folder / make.__name__
        target.mkdir(parents=True, exist_ok=True)
        for name, raw in make(hostile):
            (target / name).write_bytes(raw)
    ROWS.to_parquet(folder / "rows.parquet", row_group_size=60)
    (folder / "model.py").write_text(MODULE)


if __name__ == "__main__":
    write(Path(sys.argv[1]), json.loads(sys.argv[2]))
