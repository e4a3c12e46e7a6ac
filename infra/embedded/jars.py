"""Jars of servers and others, fetched with the Ivy that PySpark carries and checked against our own digests."""

import hashlib
import importlib.util
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from infra.embedded.errors import StackError
from infra.embedded.files import locked
from infra.embedded.java import java_executable
from infra.embedded.part import Context
from infra.embedded.tool import tool_environment

_SERVERS: Final = Path(__file__).with_name("servers.ivy.xml")
_RETRIEVE: Final = "[artifact]-[revision](-[classifier]).[ext]"
_SETTINGS_VARIABLE: Final = "MLP_IVY_SETTINGS"
_DOWNLOADING: Final = re.compile(r"downloading \S+/(\S+\.jar) \.\.\.")


def jars_of(part: str, *, context: Context, size: str, instead: str, listed_in: Path = _SERVERS) -> Path:
    """The folder with the jars of `part`, fetched first if they aren't all there.

    Args:
        part: a configuration of the Ivy file.
        context: whose downloads folder is meant.
        size: how much that is, for people.
        instead: what to do otherwise, for the message when the download fails.
        listed_in: the Ivy file, with the digests in `<part>.sha256` beside it.

    Raises:
        StackError: they can't be downloaded, or aren't what was pinned.
    """
    folder = context.layout.downloads / part
    pinned = pinned_digests(part, listed_in)
    context.layout.downloads.mkdir(parents=True, exist_ok=True)
    with locked(context.layout.downloads / f"{part}.lock"):
        if digests(folder) != pinned:
            context.note(part, f"downloading its jars, {size}: this once, a minute or so")
            _fetch(part, folder, pinned, context=context, instead=instead, listed_in=listed_in)
    return folder


def pinned_digests(part: str, listed_in: Path = _SERVERS) -> dict[str, str]:
    """sha256 by file name, from a file that `sha256sum --check` reads as well."""
    lines = listed_in.with_name(f"{part}.sha256").read_text().splitlines()
    return {name: digest for digest, name in (line.split() for line in lines)}


def digests(folder: Path) -> dict[str, str]:
    """sha256 by file name of what lies in `folder`; 40 MB take a tenth of a second."""
    if not folder.is_dir():
        return {}
    return {path.name: _digest(path) for path in sorted(folder.iterdir())}


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fetch(
    part: str, folder: Path, pinned: Mapping[str, str], *, context: Context, instead: str, listed_in: Path
) -> None:
    partial = folder.with_name(f"{part}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    log = context.layout.downloads / f"{part}.log"
    remedy = f"try again when online, or {instead} (log: {log})"
    context.tell(part, "resolving jars")
    with log.open("w") as output:
        for line in _ivy(part, partial, context, listed_in):
            output.write(line)
            if jar := _DOWNLOADING.match(line):
                context.tell(part, f"downloading {jar[1]}")
    got = digests(partial)
    if not got:
        raise StackError(part, "its jars can't be downloaded", remedy=remedy)
    if got != pinned:
        wrong = sorted(name for name in got.keys() | pinned.keys() if got.get(name) != pinned.get(name))
        raise StackError(part, f"not what was pinned by sha256: {', '.join(wrong)}", remedy=remedy)
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)


def _ivy(part: str, target: Path, context: Context, listed_in: Path) -> Iterator[str]:
    """Ivy's output, line by line, until it has ended."""
    settings = context.environ.get(_SETTINGS_VARIABLE)
    command = [
        java_executable(context.environ, part=part),
        *_proxy_options(context.environ),
        *("-jar", str(_ivy_jar())),
        *("-ivy", str(listed_in), "-confs", part),
        *(("-settings", settings) if settings else ()),
        *("-cache", str(context.layout.downloads / "ivy")),
        *("-retrieve", f"{target}/{_RETRIEVE}"),
    ]
    with subprocess.Popen(
        command,
        env=tool_environment(context),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        yield from process.stdout or ()


def _ivy_jar() -> Path:
    pyspark = importlib.util.find_spec("pyspark")
    if pyspark is None or pyspark.origin is None:
        raise StackError("jars", "PySpark, which carries Ivy, isn't installed", remedy="run `make setup`")
    return next((Path(pyspark.origin).parent / "jars").glob("ivy-*.jar"))


def _proxy_options(environ: Mapping[str, str]) -> list[str]:
    """Java doesn't read the variables that everybody else reads."""
    address = environ.get("https_proxy") or environ.get("HTTPS_PROXY")
    if not address:
        return []
    proxy = urlsplit(address if "//" in address else f"//{address}")
    port = proxy.port or 8080
    return [
        f"-D{scheme}.{key}"
        for scheme in ("http", "https")
        for key in (f"proxyHost={proxy.hostname}", f"proxyPort={port}")
    ]
