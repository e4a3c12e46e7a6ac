"""An interpreter whose children never answer."""

from pathlib import Path

from chassis.sandbox.settings import SandboxSettings


def sleeping(folder: Path, *, look_s: float) -> SandboxSettings:
    """Settings for such children; each leaves its pid in `folder`."""
    python = folder / "python"
    python.write_text(f'#!/bin/sh\necho $$ > "{folder}/pid"\nexec sleep 60\n')
    python.chmod(0o755)
    return SandboxSettings(mode="off", python=python, look_s=look_s)


def is_gone(folder: Path) -> bool:
    return not Path(f"/proc/{(folder / 'pid').read_text().strip()}").exists()
