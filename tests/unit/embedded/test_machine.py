"""What the machine lacks is installed or named; the machine is played by a folder of small programs."""

import shutil
import subprocess
from pathlib import Path

import pytest

from infra.embedded.layout import CHECKOUT

SCRIPT = CHECKOUT / "infra" / "embedded" / "machine.sh"
TOOLS = ("sh", "sed", "head", "grep", "tail", "mktemp", "rm", "cat")
FULL_JDK = 'case "$1" in -version) echo \'openjdk version "17.0.1"\' >&2;; *) echo jdk.incubator.vector@17;; esac'
STRIPPED = 'case "$1" in -version) echo \'openjdk version "17.0.1"\' >&2;; *) echo java.base@17;; esac'
OLD_JDK = FULL_JDK.replace("17.0.1", "11.0.2")


@pytest.fixture
def machine(tmp_path: Path):
    for tool in TOOLS:
        (tmp_path / tool).symlink_to(shutil.which(tool))

    def run(**programs: str) -> subprocess.CompletedProcess[str]:
        for name, body in programs.items():
            program = tmp_path / name.replace("_", "-")
            program.write_text(f"#!{shutil.which('sh')}\n{body}\n")
            program.chmod(0o755)
        environ = {"PATH": str(tmp_path), "TMPDIR": str(tmp_path)}
        return subprocess.run(
            [shutil.which("sh"), str(SCRIPT)], env=environ, capture_output=True, text=True, check=False
        )

    return run


def test_a_machine_that_has_all_is_left_alone(machine):
    done = machine(java=FULL_JDK, bwrap="", id="echo 0", apt_get="echo called >&2; exit 1")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_root_on_debian_gets_what_is_missing(machine, tmp_path):
    installs = f'echo "$@" >> {tmp_path}/calls'
    done = machine(java=FULL_JDK, id="echo 0", apt_get=installs, apt_cache="exit 0")
    assert done.returncode == 0
    assert "installing bubblewrap" in done.stdout
    assert (tmp_path / "calls").read_text().splitlines()[-1].endswith("bubblewrap")


def test_a_machine_without_openmp_gets_it(machine, tmp_path):
    installs = f'echo "$@" >> {tmp_path}/calls'
    libraries = "printf 'libgomp.so.1.0 (x)\\tlibz.so.1 (libc6,x86-64) => /lib/libz.so.1\\n'"
    done = machine(java=FULL_JDK, bwrap="", ldconfig=libraries, id="echo 0", apt_get=installs, apt_cache="exit 0")
    assert done.returncode == 0
    assert (tmp_path / "calls").read_text().splitlines()[-1].endswith("libgomp1")


@pytest.mark.parametrize("java", [None, STRIPPED, OLD_JDK])
def test_others_are_told_the_exact_command(machine, java):
    programs = {"java": java} if java else {}
    done = machine(**programs, id="echo 1000", apt_get="exit 1", apt_cache="exit 0")
    assert done.returncode == 1
    assert done.stderr == (
        "setup: this machine lacks a full JDK 17 and bubblewrap; type: sudo apt-get update && "
        "sudo apt-get install --yes --no-install-recommends openjdk-17-jdk-headless bubblewrap\n"
    )


def test_a_newer_debian_gets_its_own_jdk(machine):
    done = machine(bwrap="", id="echo 1000", apt_get="exit 1", apt_cache="exit 1")
    assert "default-jdk-headless" in done.stderr


def test_a_machine_without_apt_is_told_what_is_missing(machine):
    done = machine(java=FULL_JDK, id="echo 0")
    assert done.returncode == 1
    assert "bubblewrap" in done.stderr
