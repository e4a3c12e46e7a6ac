"""Spark's Python daemon with what tasks need imported before it forks: a new worker is ready at once, and small.

Only what starts no thread may be imported here, since a fork doesn't take threads along.
"""

import gc
import importlib
import sys

_PRELOADED = ("services.executor.scoring.task",)


def preload() -> None:
    for name in _PRELOADED:
        importlib.import_module(name)


def main() -> None:
    # Spark puts its zip first, whose modules are compiled anew at every import.
    sys.path[:] = [entry for entry in sys.path if not entry.endswith("pyspark.zip")]
    importlib.import_module("pyspark.worker")
    preload()
    gc.collect()
    gc.freeze()
    importlib.import_module("pyspark.daemon").manager()


if __name__ == "__main__":
    main()
