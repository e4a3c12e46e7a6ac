"""Small artifacts of each format, as their own libraries write them or as their specifications say."""

import bz2
import gzip
import io
import json
import lzma
import pickle
import zipfile
import zlib

PICKLE = pickle.dumps({"coefficients": list(range(50))}, protocol=5)


def zipped(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, "x" * 100)
    return buffer.getvalue()


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number: int, value: int | bytes) -> bytes:
    """A protocol buffer's field: a varint, or bytes with their length."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    return _varint(number << 3 | 2) + _varint(len(value)) + value


GRAPH = field(1, field(4, b"Relu")) + field(5, b"w" * 200_000)
ONNX = field(1, 10) + field(2, b"producer") + field(8, field(2, 18)) + field(7, GRAPH)

GOOD: dict[str, list[dict[str, bytes]]] = {
    "sklearn": [
        {"model.pkl": PICKLE},
        {"model.joblib": zlib.compress(PICKLE)},
        {"model.joblib": gzip.compress(PICKLE)},
        {"model.joblib": bz2.compress(PICKLE)},
        {"model.joblib": lzma.compress(PICKLE)},
        {"model.joblib": lzma.compress(PICKLE, format=lzma.FORMAT_ALONE)},
        {"model.skops": zipped("schema.json", "array.npy")},
        {"d/model.pkl": PICKLE, "d/README.md": b"hello"},
    ],
    "onnx": [{"model.onnx": ONNX}, {"d/model.onnx": ONNX, "d/weights.bin": b"w"}],
    "xgboost": [
        {"model.json": json.dumps({"learner": {"objective": {}}, "version": [3, 0, 0]}).encode()},
        {"model.ubj": b"{L\x00\x00\x00\x00\x00\x00\x00\x07learner{}}"},
    ],
    "lightgbm": [{"model.txt": b"tree\nversion=v4\nnum_class=1\n\nTree=0\nend of trees\n"}],
    "mlflow": [
        {"d/MLmodel": b"artifact_path: model\nflavors:\n  python_function:\n", "d/model.pkl": PICKLE},
        {"model.zip": zipped("logged/MLmodel", "logged/model.pkl")},
    ],
    "spark-ml": [
        {"d/metadata/part-00000": b'{"class":"org.apache.spark.ml.PipelineModel"}\n', "d/stages/0/data": b"x"}
    ],
    "python": [
        {"model.py": b"def predict(rows):\n    return rows\n"},
        {"d/pkg/__init__.py": b"", "d/pkg/model.py": "# größer\n".encode()},
        {"model.whl": zipped("pkg/model.py")},
    ],
    "r": [
        {"model.rds": gzip.compress(b"X\n\x00\x00\x00\x03")},
        {"model.rds": b"X\n\x00\x00\x00\x03"},
        {"model.RData": bz2.compress(b"RDX3\nX\n")},
        {"predict.R": b"predict <- function(x) x\n"},
    ],
    "jar": [{"model.jar": zipped("META-INF/MANIFEST.MF", "org/example/Model.class")}],
}

BAD: dict[str, list[dict[str, bytes]]] = {
    "sklearn": [
        {"model.pkl": PICKLE[:-5]},
        {"model.pkl": b""},
        {"model.pkl": b"not a pickle."},
        {"model.joblib": gzip.compress(b"not a pickle.")},
        {"model.joblib": b"\x78\x9cbroken"},
        {"model.skops": zipped("evil.py")},
        {"model.skops": zipped("schema.json")[:80]},
        {"model.pkl": ONNX},
        {"d/a.pkl": PICKLE, "d/b.pkl": PICKLE},
    ],
    "onnx": [
        {"model.onnx": ONNX[:-1]},
        {"model.onnx": ONNX + b"\x00"},
        {"model.onnx": b""},
        {"model.onnx": PICKLE},
        {"model.onnx": field(1, 10) + field(8, b"")},
        {"model.onnx": field(1, b"ten") + field(7, GRAPH)},
        {"model.onnx": b"\xff" * 30},
        {"d/model.bin": ONNX},
    ],
    "xgboost": [{"model.json": b'{"a": 1}'}, {"model.json": b'{"learner": {'}, {"model.ubj": b"binf"}],
    "lightgbm": [{"model.txt": b"hello\n"}, {"model.txt": b"tree\nnothing\n"}, {"model.txt": b""}],
    "mlflow": [
        {"MLmodel": b"flavors:\n"},
        {"model.zip": zipped("logged/model.pkl")},
        {"d/model.pkl": PICKLE},
        {"d/MLmodel": b"nothing"},
    ],
    "spark-ml": [
        {"d/metadata/part-00000": b"nothing"},
        {"d/metadata/part-00000": b""},
        {"d/metadata/part-00000": b"[" * 100_000},
        {"d/data": b"x"},
    ],
    "python": [
        {"model.py": b"\x00\x01"},
        {"model.py": b"\xff\xfe"},
        {"model.py": b""},
        {"model.txt": b"x"},
        {"model.zip": zipped("data.csv")},
    ],
    "r": [{"model.rds": PICKLE}, {"model.rds": b""}, {"predict.R": b"\x00"}, {"d/data.csv": b"x"}],
    "jar": [{"model.jar": zipped("README")}, {"model.jar": PICKLE}, {"d/data.csv": b"x"}],
}
