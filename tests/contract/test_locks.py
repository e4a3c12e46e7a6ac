"""Each service's lock holds all that the service imports, so that an image of it starts."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STARTS = {
    "registry": "services.registry.app",
    "deployer": "services.deployer.app",
    "executor": "services.executor.app",
    "metrics": "services.metrics.app",
    "setup": "infra.setup",
}


@pytest.mark.long
@pytest.mark.parametrize("lock", STARTS)
def test_a_lock_is_enough_to_import_what_it_is_for(lock, tmp_path):
    uv = Path(sys.executable).with_name("uv")
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, tmp_path / "venv"], check=True)
    subprocess.run([uv, "pip", "sync", "--quiet", "--python", python, ROOT / f"requirements/{lock}.txt"], check=True)

    imported = subprocess.run(
        [python, "-c", f"import {STARTS[lock]}"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert imported.returncode == 0, imported.stderr
