"""Passwords and keys: made when first asked for, then kept."""

import secrets
from pathlib import Path

from infra.embedded.files import locked, read_json, write_json


class Credentials:
    """Secrets by name, in a file that only its owner can read."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def get(self, name: str) -> str:
        """The secret called `name`: 32 letters, digits, `-` or `_`."""
        with locked(self._path.with_suffix(".lock")):
            known = read_json(self._path)
            if name not in known:
                known[name] = secrets.token_urlsafe(24)
                write_json(self._path, known)
            return known[name]
