"""How models and files from outside are held: `MLP_SANDBOX_…`."""

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings

from chassis.settings import prefixed


class SandboxSettings(BaseSettings):
    """Limits of one child and all that it starts. Sizes are in bytes."""

    model_config = prefixed("SANDBOX")

    mode: Literal["bubblewrap", "off"] = Field(
        default="bubblewrap", description="`off` says that the pod itself is the sandbox."
    )
    python: Path = Field(
        default=Path(".venv-model/bin/python"), description="The interpreter, with the libraries that models need."
    )
    memory_bytes: int = Field(default=4 << 30, gt=0)
    file_bytes: int = Field(default=2 << 30, gt=0, description="Bounds one answer, too.")
    processes: int = Field(default=64, ge=2, description="Processes and threads together.")
    cpu_s: int = Field(default=24 * 3600, gt=0)
    look_s: float = Field(
        default=120, gt=0, description="Looking at a data set, or showing an input's first rows, may take so long."
    )
    first_uid: int = Field(default=1_000_000, ge=1000, description="As root: children get uids from here on.")
    idle_s: float = Field(
        default=900, gt=0, description="A child that nobody asks for so long ends; the next job starts another."
    )
