"""Where the embedded stack keeps its files."""

import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

CHECKOUT: Final = Path(__file__).resolve().parents[2]

# sun_path holds 108 bytes; supervisor binds to "<socket>.<pid>" first.
_LONGEST_SOCKET_PATH: Final = 95

# All that a stack makes in its data folder, as patterns: whatever else lies there is somebody else's.
MADE: Final = (
    *("stack.json", "secrets.json", "ports.json", "stack.lock", "secrets.lock", "ports.lock", "lock"),
    *("supervisord.ini", "supervisord.pid", "supervisor.sock", "supervisor.sock.[0-9]*"),
    *(f".{name}.[0-9]*" for name in ("stack.json", "secrets.json", "ports.json", "supervisord.ini")),  # half-written
    *("programs", "artifacts", "demo"),
    *("logs/*.log", "logs/*.log.[0-9]*"),
    *("data/kafka", "data/mongo", "data/s3", "data/postgres"),
)


@dataclass(frozen=True)
class Layout:
    """One stack's folders: code and downloads may be shared by several stacks, data never is."""

    root: Path
    data: Path
    downloads: Path

    @property
    def stack_id(self) -> str:
        """Marks every process of this stack in its environment; the same for the same data folder."""
        return str(self.data.resolve())

    @property
    def short_id(self) -> str:
        return hashlib.sha256(self.stack_id.encode()).hexdigest()[:12]

    @property
    def stack_file(self) -> Path:
        return self.data / "stack.json"

    @property
    def secrets_file(self) -> Path:
        return self.data / "secrets.json"

    @property
    def ports_file(self) -> Path:
        return self.data / "ports.json"

    @property
    def mark(self) -> Path:
        """Says that the data folder is a stack's, and is locked by whoever changes the stack."""
        return self.data / "ml-platform-stack.txt"

    @property
    def logs(self) -> Path:
        return self.data / "logs"

    @property
    def programs(self) -> Path:
        return self.data / "programs"

    @property
    def supervisor_ini(self) -> Path:
        return self.data / "supervisord.ini"

    @property
    def socket(self) -> Path:
        """The supervisor's control socket, near the data unless that path is too long for a socket."""
        near = self.data.resolve() / "supervisor.sock"
        if len(bytes(near)) <= _LONGEST_SOCKET_PATH:
            return near
        return Path(tempfile.gettempdir()) / f"mlp-{self.short_id}.sock"

    @property
    def artifacts(self) -> Path:
        """The executor's copies of models."""
        return self.data / "artifacts"

    @property
    def drivers(self) -> Path:
        """Spark's work folder; not in the data folder, whose path may be too long for its sockets, or hold a space."""
        return Path(tempfile.gettempdir()) / f"mlp-drivers-{self.short_id}"

    def of(self, part: str) -> Path:
        """The data folder of one server."""
        return self.data / "data" / part

    def make(self) -> None:
        """Make the folders that every start needs, closed to other users."""
        self.data.mkdir(parents=True, exist_ok=True)
        for folder in (self.logs, self.programs, self.data / "data"):
            folder.mkdir(exist_ok=True)
        self.programs.chmod(0o700)
        self.logs.chmod(0o700)
