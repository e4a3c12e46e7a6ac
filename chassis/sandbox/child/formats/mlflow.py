"""MLflow models: a logged folder, or an archive of one, scored by its `pyfunc` flavor. Carries code."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

# ruff: noqa: TID252 - in the sandbox this package has another name
from ..archives import unpacked
from ..frames import to_frame
from . import Inspection, Source, inside

CARRIES_CODE: Final = True
_FILE: Final = "MLmodel"


def inspect(source: Source) -> Inspection:
    from mlflow.models import Model

    logged = Model.load(str(_folder(source)))
    schema = logged.get_input_schema()
    names = tuple(schema.input_names()) if schema is not None and schema.has_input_names() else None
    return Inspection(f"mlflow {logged.mlflow_version}", names, tuple(sorted(logged.flavors or {})))


def load(source: Source) -> "MlflowModel":
    from mlflow import pyfunc

    return MlflowModel(pyfunc.load_model(str(_folder(source))), source)


class MlflowModel:
    """Its own signature converts and checks the columns once more, as wherever MLflow serves it."""

    def __init__(self, model: Any, source: Source) -> None:
        schema = model.metadata.get_input_schema()
        self._named = schema is None or schema.has_input_names()
        names = schema.required_input_names() if schema is not None and self._named else None
        # It takes columns by name: order is its own affair.
        source.order_of(names, None)
        self._names = [column.name for column in source.inputs]
        self._params = source.params or None
        self._model = model

    def predict(self, columns: Sequence[pa.Array], rows: int) -> Any:
        del rows
        frame = to_frame(self._names, columns)
        return self._model.predict(frame if self._named else frame.to_numpy(), params=self._params)


def _folder(source: Source) -> Path:
    """Where `MLmodel` lies: at the top, in the entry point, or in the archive's only folder.

    Raises:
        FileNotFoundError: nowhere there.
    """
    root = unpacked(source.path)
    if source.entrypoint:
        named = inside(root, source.entrypoint)
        return named.parent if named.is_file() else named
    found = sorted(root.rglob(_FILE), key=lambda path: len(path.parts))
    if not found:
        raise FileNotFoundError(f"the artifact has no file {_FILE}: is it a folder that MLflow logged?")
    return found[0].parent
