"""The heap of a Python worker that stays."""

import gc


def freeze_heap() -> None:
    """PySpark's daemon collects a reused worker's whole heap after each task: what stays is put out of its sight."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()
