"""The command line that holds a model's code: bubblewrap, limits, and a user of its own where we are root.

As root the namespaces are made first and the user is given up inside them (`setpriv`), so that the interpreter may lie
where that user couldn't reach it. The limit on processes is set after that, since it doesn't bind root.
Inside, nobody can make a user namespace: it would open more of the kernel, and mounts without limits.
"""

import os
import shutil
import signal
import subprocess
from functools import cache
from pathlib import Path

from chassis.sandbox.child.plain_words import plain
from chassis.sandbox.errors import SandboxTrialLost, SandboxUnavailable
from chassis.sandbox.settings import SandboxSettings

CODE = Path(__file__).parent / "child"
MARKER = "MLP_SANDBOX_OWNER"
"""The variable by which whoever starts sandboxes finds all that it has started."""
_MOUNTED = Path("/sandbox")
_START = "import sys; sys.path.insert(0, {folder!r}); from child.main import main; main()"
_SYSTEM = ("/usr/lib", "/usr/lib32", "/usr/lib64", "/lib", "/lib32", "/lib64")
_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OMP_THREAD_LIMIT": "1",
    "ARROW_IO_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
    "JOBLIB_MULTIPROCESSING": "0",
    "LANG": "C.UTF-8",
    "HOME": "/tmp",  # noqa: S108 - the sandbox's own
    "PYTHONDONTWRITEBYTECODE": "1",
}
_TMP_BYTES = 256 << 20
KILLED = (-signal.SIGKILL, 128 + signal.SIGKILL)
"""Exit codes of what encloses a child: itself was killed, or the child."""


def child_command(settings: SandboxSettings, artifact: Path | None, *, descriptor: int) -> list[str]:
    """How the child is started with its end of the socket open as `descriptor`.

    Raises:
        SandboxUnavailable: nothing can be held here.
        SandboxTrialLost: nobody can say.
    """
    python = _interpreter(settings)
    if settings.mode == "off":
        return [*_limits(settings), *_python(python, CODE.parent, descriptor, settings)]
    check_sandbox(settings)
    inner = [*_limits(settings), *_python(python, _MOUNTED, descriptor, settings)]
    binds = {_MOUNTED / "child": CODE}
    if artifact is not None:
        binds[Path(artifact_path(settings, artifact))] = artifact
    return [*_enclosed(python, binds), "--", *_unprivileged(settings), *inner]


def artifact_path(settings: SandboxSettings, artifact: Path) -> str:
    """Where the child finds the artifact."""
    return str(artifact if settings.mode == "off" else _MOUNTED / "model" / artifact.name)


def child_environment() -> dict[str, str]:
    """Of the process that encloses the child, with its owner's mark; inside, bubblewrap sets it anew, without."""
    return {**_ENVIRONMENT, MARKER: os.environ.get(MARKER, "")}


def check_sandbox(settings: SandboxSettings) -> None:
    """Raises: SandboxUnavailable, SandboxTrialLost."""
    if settings.mode == "off":
        return
    problem = _problem(_interpreter(settings), tuple(_unprivileged(settings)), tuple(_limits(settings)))
    if problem:
        # What is wrong may be put right: only a sandbox that held is not asked again.
        _problem.cache_clear()
        raise SandboxUnavailable(f"models and their data can't be held here: {plain(problem)}", detail=problem)


@cache
def _problem(python: Path, unprivileged: tuple[str, ...], limits: tuple[str, ...]) -> str | None:
    """Why an interpreter that does nothing can't be run in the sandbox.

    Raises:
        SandboxTrialLost: the trial was killed or the machine too busy: that says nothing about it.
    """
    needed = ("bwrap", "prlimit", "setpriv") if unprivileged else ("bwrap", "prlimit")
    missing = [name for name in needed if not shutil.which(name)]
    if missing:
        return f"{', '.join(missing)} not installed"
    command = [*_enclosed(python, {}), "--", *unprivileged, *limits, str(python), "-I", "-S", "-c", "pass"]
    try:
        tried = subprocess.run(command, capture_output=True, timeout=30, check=False)
    except subprocess.TimeoutExpired as error:
        raise SandboxTrialLost(f"the sandbox's trial did not end in {error.timeout:.0f} s") from error
    except OSError as error:
        return str(error)
    if tried.returncode in KILLED:
        raise SandboxTrialLost("the sandbox's trial was killed")
    return None if tried.returncode == 0 else tried.stderr.decode(errors="replace").strip()[-300:] or "it failed"


def _interpreter(settings: SandboxSettings) -> Path:
    python = Path(os.path.abspath(settings.python))  # noqa: PTH100 - a link here is what makes it an environment
    if not python.exists():
        raise SandboxUnavailable("the models' interpreter is not there", detail=str(python))
    return python


def _python(python: Path, folder: Path, descriptor: int, settings: SandboxSettings) -> list[str]:
    return [str(python), "-I", "-c", _START.format(folder=str(folder)), str(descriptor), str(settings.idle_s)]


def _limits(settings: SandboxSettings) -> list[str]:
    return [
        _tool("prlimit"),
        f"--as={settings.memory_bytes}",
        f"--fsize={settings.file_bytes}",
        f"--cpu={settings.cpu_s}",
        f"--nproc={settings.processes}",
        "--nofile=256",
        "--core=0",
    ]


def _unprivileged(settings: SandboxSettings) -> list[str]:
    if os.getuid() != 0:
        return []
    # One uid a worker: the limit on processes counts all that a user has.
    uid = settings.first_uid + os.getpid()
    return [
        _tool("setpriv"),
        f"--reuid={uid}",
        f"--regid={uid}",
        "--clear-groups",
        "--inh-caps=-all",
        "--bounding-set=-all",
        "--no-new-privs",
        # No namespaces of its own either: that can be forbidden only from within a user namespace.
        *[_tool("bwrap"), "--unshare-user", "--disable-userns", "--die-with-parent", "--dev-bind", "/", "/", "--"],
    ]


def _enclosed(python: Path, binds: dict[Path, Path]) -> list[str]:
    """Bubblewrap; to be seen are libraries, the interpreter with its environment, and `binds`, all read-only."""
    if os.getuid() == 0:
        identity = ["--cap-drop", "ALL"]
        identity += [part for name in ("SETUID", "SETGID", "SETPCAP") for part in ("--cap-add", f"CAP_{name}")]
    else:
        identity = ["--unshare-user", "--disable-userns"]
    return [
        *[_tool("bwrap"), "--die-with-parent", "--new-session", "--clearenv"],
        *["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"],
        *identity,
        *["--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev"],
        *["--size", str(_TMP_BYTES), "--perms", "1777", "--tmpfs", "/tmp"],  # noqa: S108 - the sandbox's own
        *_mounts({**_libraries(), **_interpreter_folders(python), **_tools(), **binds}),
        *["--remount-ro", "/", "--chdir", "/"],
        *[part for name, value in _ENVIRONMENT.items() for part in ("--setenv", name, value)],
    ]


def _mounts(binds: dict[Path, Path]) -> list[str]:
    """Folders on the way are made first: bubblewrap's own would be closed to the user inside."""
    parents = sorted({parent for target in binds for parent in target.parents if parent != Path("/")})
    made = [part for parent in parents for part in ("--perms", "0755", "--dir", str(parent))]
    links = [link for link in map(Path, _SYSTEM) if link.is_symlink()]
    linked = [part for link in links for part in ("--symlink", str(link.readlink()), str(link))]
    bound = [part for target, source in binds.items() for part in ("--ro-bind", str(source), str(target))]
    return [*made, *linked, *bound]


def _libraries() -> dict[Path, Path]:
    return {folder: folder for folder in map(Path, _SYSTEM) if folder.is_dir() and not folder.is_symlink()}


def _interpreter_folders(python: Path) -> dict[Path, Path]:
    """The environment and what it was made from, at their own places."""
    folders = [python.parent.parent, python.resolve().parent.parent]
    config = folders[0] / "pyvenv.cfg"
    if config.is_file():
        lines = (line.partition("=") for line in config.read_text().splitlines())
        folders += [Path(value.strip()).parent for name, _, value in lines if name.strip() == "home"]
    return {folder: folder for folder in folders}


def _tools() -> dict[Path, Path]:
    found = (shutil.which(name) for name in ("bwrap", "prlimit", "setpriv"))
    return {Path(tool): Path(tool) for tool in found if tool}


def _tool(name: str) -> str:
    return shutil.which(name) or name
