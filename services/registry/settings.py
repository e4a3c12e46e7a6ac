"""The registry's settings: `MLP_REGISTRY_…`."""

import os
import tempfile
from pathlib import Path

from pydantic import Field

from chassis.sandbox.settings import SandboxSettings
from chassis.settings import ChassisSettings, GarbageSettings, prefixed

_GIB = 1024**3


class Settings(ChassisSettings):
    """What the registry needs."""

    model_config = prefixed("REGISTRY")

    max_artifact_bytes: int = Field(default=10 * _GIB, gt=0, description="Larger artifacts are refused.")
    max_artifact_objects: int = Field(default=10_000, gt=0, description="Artifacts of more objects are refused.")
    max_dataset_objects: int = Field(default=100_000, gt=0, description="Data sets of more objects are refused.")
    sandbox: SandboxSettings = Field(default_factory=SandboxSettings)
    garbage: GarbageSettings = Field(default_factory=GarbageSettings)
    inspection_s: float = Field(default=300.0, gt=0, description="Loading a model may take so long.")
    work_dir: Path = Field(
        default_factory=lambda: Path(tempfile.gettempdir()) / f"mlp-registry-{os.getuid()}",
        description="Where artifacts lie while they are looked at.",
    )
    workers: int = Field(default=4, gt=0, description="Registrations that one process works on at the same time.")
    lease_s: float = Field(
        default=15.0, gt=0, description="A registration whose worker is silent for so long is another's."
    )
    max_attempts: int = Field(
        default=20, gt=0, description="A registration that took so many workers with it is refused."
    )
    reinspection_pause_s: float = Field(
        default=1.0, ge=0, description="A pause between two versions that are inspected again in the background."
    )
