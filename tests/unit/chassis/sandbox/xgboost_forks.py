"""XGBoost scoring with one damaged file after another, each in a process of its own.

These are forked by one that has nothing but the library: a process of tests has threads, whose locks a fork would keep.
"""

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Sequence

import numpy as np
import xgboost

SECONDS = 20


def harmful(files: Sequence[tuple[str, bytes]], inputs: int) -> list[str]:
    """What was done to those files that ended their process, or gave what nobody put in."""
    asked = pickle.dumps((list(files), inputs))
    command = [sys.executable, "-m", "tests.unit.chassis.sandbox.xgboost_forks"]
    return pickle.loads(subprocess.run(command, input=asked, stdout=subprocess.PIPE, check=True).stdout)  # noqa: S301 - our own


def _is_harmful(raw: bytes, inputs: int) -> bool:
    pid = os.fork()
    if not pid:
        silent = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silent, 1)
        os.dup2(silent, 2)
        signal.alarm(SECONDS)
        os._exit(_scored(raw, inputs))
    return os.waitpid(pid, 0)[1] != 0


def _scored(raw: bytes, inputs: int) -> int:
    # Memory that isn't the model's holds a number that stands out.
    held = [np.full(size, 1.25e20, np.float32) for size in (16, 64, 256, 1024, 4096)]
    del held
    try:
        model = xgboost.Booster({"nthread": 1})
        model.load_model(bytearray(raw))
        if model.num_features() > 100 or model.num_features() < 1:
            return 0
        rows = np.zeros((20, model.num_features()), np.float32)
        rows[:, 0] = np.linspace(-2, 2, 20)
        found = np.asarray(model.predict(xgboost.DMatrix(rows, nthread=1), validate_features=False))
        if inputs > 3:
            [array.validate(full=True) for _, array in model.get_categories(export_to_arrow=True).to_arrow() if array]
    except Exception:  # noqa: BLE001 - it said no
        return 0
    return int(bool((np.abs(found) > 1e20).any()))


if __name__ == "__main__":
    said, count = pickle.load(sys.stdin.buffer)  # noqa: S301 - our own
    sys.stdout.buffer.write(pickle.dumps([how for how, raw in said if _is_harmful(raw, count)]))
