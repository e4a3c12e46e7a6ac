"""PyArrow's compute functions, which it makes at import and so no type checker sees."""

import importlib
from typing import Any

pc: Any = importlib.import_module("pyarrow.compute")
