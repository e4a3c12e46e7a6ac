"""Settings of the scoring engine: `MLP_SCORING_…` and `MLP_SPARK_…`."""

import os
import tempfile
from pathlib import Path
from typing import Self

from pydantic import BaseModel, Field, SecretStr
from pydantic_settings import BaseSettings

from chassis.sandbox.settings import SandboxSettings
from chassis.settings import FaultSettings, S3Settings, prefixed
from schemas.values import Resources


class SparkSettings(BaseSettings):
    """Where tasks run: `local[n,retries]`, `spark://…` or `k8s://…`."""

    model_config = prefixed("SPARK")

    master: str = "local[2,4]"
    driver_memory: str = "512m"
    cores_max: int = Field(default=2, ge=1, description="Cores of this driver's share of a cluster.")
    executor_cores: int = Field(default=1, ge=1, description="Cores of one Spark executor on a cluster.")
    executor_memory: str = Field(default="512m", description="Its JVM's heap; Python's memory comes on top.")
    executors_lost_s: float = Field(
        default=60, gt=0, description="A job that has no executor on its cluster for so long is given up."
    )
    driver_host: str | None = Field(
        default=None, description="How a cluster's workers reach this machine; its own name unless said otherwise."
    )
    driver_bind_address: str | None = Field(default=None, description="What the driver listens on; `driver_host`.")
    driver_port: int = Field(default=0, ge=0, description="The first to try, where a firewall must know; 0: any.")
    block_manager_port: int = Field(default=0, ge=0, description="As `driver_port`, for the blocks.")
    secret: SecretStr | None = Field(
        default=None, description="The cluster's, where it has one; what is said there is encrypted then."
    )
    conf: dict[str, str] = Field(
        default_factory=dict[str, str], description="More of Spark's settings, as JSON; anybody's `ps` shows them."
    )

    @property
    def is_local(self) -> bool:
        return self.master.startswith("local")

    @property
    def is_standalone(self) -> bool:
        return self.master.startswith("spark://")


class Profile(BaseModel, frozen=True):
    """What a deployment's `resources` mean."""

    cores: int = Field(ge=1, description="Tasks of one execution at a time, of the driver's cores.")
    memory_factor: float = Field(ge=1, description="Times the sandbox's memory, for each child.")


_PROFILES: dict[Resources, Profile] = {
    "small": Profile(cores=2, memory_factor=1),
    "medium": Profile(cores=4, memory_factor=2),
    "large": Profile(cores=16, memory_factor=4),
}


class ScoringSettings(BaseSettings):
    """One driver and its tasks."""

    model_config = prefixed("SCORING")

    s3: S3Settings = Field(default_factory=S3Settings)
    spark: SparkSettings = Field(default_factory=SparkSettings)
    sandbox: SandboxSettings = Field(default_factory=SandboxSettings)
    fault: FaultSettings = Field(default_factory=FaultSettings)
    profiles: dict[Resources, Profile] = Field(
        default_factory=lambda: dict(_PROFILES), description="As JSON; what it doesn't name keeps its default."
    )
    rows_per_split: int = Field(default=1_000_000, ge=1)
    csv_range_bytes: int = Field(
        default=64 << 20, ge=1, description="Tasks share a CSV object that is larger, by ranges of at most this size."
    )
    csv_look_cores: int = Field(
        default=4,
        ge=2,
        description="If a CSV object must be looked through for its records, drivers with fewer cores don't share it.",
    )
    small_bytes: int = Field(
        default=4 << 20, ge=0, description="Up to this size an input in one piece is scored without Spark; 0: none is."
    )
    part_bytes: int = Field(default=64 << 20, ge=1 << 20, description="A part is written when it is about this large.")
    cache_bytes: int = Field(default=8 << 30, ge=0, description="Artifacts kept on this host beyond their use.")
    cache_dir: Path = Field(default_factory=lambda: Path(tempfile.gettempdir()) / f"mlp-artifacts-{os.getuid()}")
    work_dir: Path = Field(default_factory=lambda: Path(tempfile.gettempdir()) / f"mlp-drivers-{os.getuid()}")
    nice: int = Field(default=10, ge=0, le=19)
    driver_check_s: float = Field(
        default=45,
        ge=0,
        description="How often an idle driver is looked at; 0: never. Spark ends workers that idle for a minute.",
    )
    driver_check_timeout_s: float = Field(
        default=30, gt=0, description="One that hasn't answered by then is ended and replaced."
    )
    driver_max_jobs: int = Field(default=1000, ge=0, description="After these a driver is replaced; 0: any number.")
    driver_max_age_s: float = Field(default=24 * 3600, ge=0, description="At this age it is replaced; 0: at no age.")
    driver_max_memory_bytes: int = Field(
        default=4 << 30, ge=0, description="Of the driver, its JVM and its Python workers on this machine; 0: any."
    )
    driver_room_bytes: int = Field(
        default=1 << 30, ge=0, description="Free memory without which no successor is warmed beside a driver."
    )

    def profile(self, resources: Resources) -> Profile:
        return self.profiles.get(resources, _PROFILES[resources])

    def granting(self, profile: Profile) -> Self:
        """The same, with the memory that a profile gives to a sandboxed child."""
        memory = int(self.sandbox.memory_bytes * profile.memory_factor)
        return self.model_copy(update={"sandbox": self.sandbox.model_copy(update={"memory_bytes": memory})})
